/** From what the user configured to Knex instances, and to what messages may say of it: host, port and user, never the password. */
import { Socket } from 'node:net';
import { raise } from '@apiary/decorators/internal';
import makeKnex, { type Knex } from 'knex';
import pg from 'pg';
import { isServerError } from './driver-error.js';
import type { KnexClient } from './knex-internals.js';

/** A connection string, a Knex config, or the user's own Knex. */
export type Database = string | Knex.Config | Knex;

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

export function isKnex(database: Database): database is Knex {
  return typeof database === 'function';
}

export function clientOf(knex: Knex): KnexClient {
  return knex.client as KnexClient;
}

/** Sockets of our own connections. pg leaves one open when it cannot answer a question for a password, and nobody knows of it then. */
export class Sockets {
  readonly #open = new Set<Socket>();

  readonly make = (): Socket => {
    const socket = new Socket();
    this.#open.add(socket);
    return socket.once('close', () => this.#open.delete(socket));
  };

  destroyAll(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

/** What a new Knex is made from: the configured one, or that of the user's instance. Undefined if the instance has only a pool. */
export function connectConfig(database: Database, applicationName: string, sockets: Sockets): Knex.Config | undefined {
  if (typeof database === 'string') {
    return { client: 'pg', connection: { connectionString: database, application_name: applicationName, stream: sockets.make } as Knex.PgConnectionConfig };
  }
  const config = isKnex(database) ? clientOf(database).config : database;
  return config.connection === undefined ? undefined : config;
}

/** A Knex over the same server with a pool of this size. */
export function knexOf(config: Knex.Config, size: number, warn: (message: string) => void): Knex {
  const silent = { warn, error: warn, deprecate: () => {}, debug: () => {} };
  const { log = silent, pool, ...rest } = config;
  try {
    // The object with the connection is passed on as it is: Knex hides the password in it from enumeration.
    return makeKnex({ ...rest, log, pool: { ...pool, min: 0, max: size } });
  } catch (error) {
    raise('CONFIG', { path: 'database', problem: `Knex refuses it: ${String((error as Error).message).split('\n')[0]}` });
  }
}

/** For messages; of a provider function nothing is known before it was asked. */
export async function endpointOf(config: Knex.Config | undefined): Promise<Endpoint> {
  const unknown = { host: 'unknown', port: 0, user: 'unknown' };
  try {
    const connection: unknown = typeof config?.connection === 'function' ? await config.connection() : config?.connection;
    if (connection === undefined) return unknown;
    // pg adds the defaults and the environment. No socket is opened before `connect`.
    const { host, port, user } = new pg.Client(connection as pg.ClientConfig);
    return { host, port, user: user ?? 'unknown' };
  } catch {
    return unknown;
  }
}

/** Only pg speaks the protocol that flights need. */
export function checkDriver(knex: Knex): void {
  const { driverName, config } = clientOf(knex);
  if (driverName === 'pg') return;
  const given = typeof config.client === 'string' ? config.client : driverName;
  raise('CONFIG', { path: 'database.client', problem: `Apiary works with the driver pg, not with ${JSON.stringify(given ?? 'none')}` });
}

/** Refuses a launch: the database cannot be reached, or does not let us in. */
export function raiseUnreachable(error: unknown, endpoint: Endpoint): never {
  const { host, port, user } = endpoint;
  const reason = error instanceof Error ? error.message : String(error);
  const at = `${host}:${port}`;
  if (isServerError(error)) {
    if (error.code === '28P01' || error.code === '28000') {
      raise('CONFIG', { path: 'database', problem: `${at} does not let ${user} in (${reason}): correct user or password` }, { cause: error });
    }
    if (error.code === '3D000') raise('CONFIG', { path: 'database', problem: `at ${at} ${reason}: create it, or name another one` }, { cause: error });
  }
  // pg asks for one only when the server does.
  if (reason.startsWith('SASL:')) raise('CONFIG', { path: 'database', problem: `${at} wants a password of ${user} (${reason}): give one` }, { cause: error });
  raise(
    'DATABASE_UNREACHABLE',
    { host, port, user },
    {
      message: `no PostgreSQL answers as ${user} at ${at} (${reason}): start it, or correct \`database\` or DATABASE_URL`,
      cause: error,
    },
  );
}

/** Most connections of a pool that the user made: Knex's, or one of pg. */
export function poolLimit(knex: Knex): number {
  const pool = clientOf(knex).pool;
  const native = (clientOf(knex).config as { connectionPool?: { max?: number; options?: { max?: number } } }).connectionPool;
  return pool?.max ?? native?.options?.max ?? native?.max ?? 10;
}
