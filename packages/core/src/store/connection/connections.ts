/** All connections of an app: the pool of user code, the small one of the engine, and those that belong to one part of the engine. */
import { apiaryError, isApiaryError, raise } from '@apiary/decorators/internal';
import type { Knex } from 'knex';
import { noProbe, type Probe } from '../../probe.js';
import { classify } from './classify.js';
import { Connection, type ConnectionKind } from './connection.js';
import {
  checkDriver,
  clientOf,
  connectConfig,
  endpointOf,
  isKnex,
  knexOf,
  poolLimit,
  raiseUnreachable,
  Sockets,
  type Database,
  type Endpoint,
} from './database.js';
import { KnexShell } from './knex-shell.js';
import { LeasePool } from './lease-pool.js';
import type { RawClient } from './pg-internals.js';
import type { Result } from './statement.js';

export { Connection, type ConnectionKind, type FlyOptions } from './connection.js';
export type { Database } from './database.js';

export interface ConnectionsOptions {
  readonly database: Database;
  /** Connections for user code; with the user's own Knex its pool decides. */
  readonly poolSize: number;
  /** Connections for the statements of the engine. */
  readonly systemSize: number;
  readonly applicationName: string;
  readonly probe?: Probe | undefined;
  /** Runs on every new connection before its first use. */
  readonly onOpen?: ((connection: Connection) => Promise<void>) | undefined;
  /** Prepared statements a connection keeps. Default 200. */
  readonly preparedStatements?: number | undefined;
  readonly warn?: ((message: string) => void) | undefined;
}

/** Connections that parts of the engine keep for themselves, beside the system pool. */
const mostDedicated = 4;
/** Of a pool that is shared with the user. */
const dedicatedShare = 2;
const leastShared = 4;
const oldestServer = 130_000;
const deadlineMs = 15_000;
const cancelDeadlineMs = 5_000;
const keepAliveDelayMs = 10_000;

/** A stream of the user's own need not be a socket. */
function keepAlive(client: RawClient): void {
  const { stream } = client.connection;
  if (typeof stream.setKeepAlive === 'function') stream.setKeepAlive(true, keepAliveDelayMs);
}

const closed = (): Error => apiaryError('SHUTTING_DOWN', {});

export class Connections {
  /** The pool of user code. */
  readonly knex: Knex;
  /** The user's instance is not destroyed. */
  readonly ownKnex: boolean;
  #endpoint: Endpoint;
  /** Connections of an earlier one do not come back into use. */
  #generation = 0;
  #poolerSuspected = false;
  readonly #options: ConnectionsOptions;
  readonly #config: Knex.Config | undefined;
  readonly #sockets: Sockets;
  readonly #known = new WeakMap<RawClient, Connection>();
  readonly #alive = new Set<Connection>();
  readonly #readCommitted = new WeakSet<Connection>();
  readonly #user: LeasePool;
  #engineKnex: Knex | undefined;
  #system: LeasePool | undefined;
  #closed = false;

  private constructor(options: ConnectionsOptions, endpoint: Endpoint, config: Knex.Config | undefined, sockets: Sockets) {
    this.#sockets = sockets;
    this.#options = options;
    this.#endpoint = endpoint;
    this.#config = config;
    const { database, poolSize } = options;
    this.ownKnex = !isKnex(database);
    this.knex = isKnex(database) ? database : knexOf(config as Knex.Config, poolSize, this.#warn);
    this.#user = new LeasePool({ knex: this.knex, kind: 'user', size: this.ownKnex ? poolSize : this.#shares().user, adopt: this.#adopt });
  }

  /** How the pool of the user's own Knex is divided. Where Apiary cannot connect by itself, the engine takes its connections from it too. */
  #shares(): { readonly user: number; readonly system: number } {
    const limit = poolLimit(this.knex);
    if (this.#config !== undefined) return { user: limit, system: this.#options.systemSize };
    if (limit < leastShared) {
      raise('CONFIG', { path: 'database', problem: `the pool of your Knex has ${limit} connections, and Apiary needs at least ${leastShared} of them` });
    }
    const system = Math.max(1, Math.min(this.#options.systemSize, Math.floor((limit - dedicatedShare) / 3)));
    return { user: limit - dedicatedShare - system, system };
  }

  /**
   * Connects once, so that all that is wrong with the database shows now.
   * @throws DATABASE_UNREACHABLE, DATABASE_VERSION, CONFIG
   */
  static async open(options: ConnectionsOptions): Promise<Connections> {
    const sockets = new Sockets();
    const config = connectConfig(options.database, options.applicationName, sockets);
    const connections = new Connections(options, await endpointOf(config), config, sockets);
    try {
      checkDriver(connections.knex);
      await connections.system(() => Promise.resolve());
    } catch (error) {
      await connections.close();
      if (isApiaryError(error)) throw error;
      raiseUnreachable(error, connections.#endpoint);
    }
    return connections;
  }

  /**
   * What is done before the app is there: without its database it is refused, whatever it was doing.
   * @throws DATABASE_UNREACHABLE, or what the work throws
   */
  async whileLaunching<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const kind = classify(error, { engine: true });
      if (kind === 'connection' || kind === 'unavailable') raiseUnreachable(error, this);
      throw error;
    }
  }

  get host(): string {
    return this.#endpoint.host;
  }

  get port(): number {
    return this.#endpoint.port;
  }

  get user(): string {
    return this.#endpoint.user;
  }

  /** The server that answers is another one than the one we greeted: something pools transactions in between. */
  get poolerSuspected(): boolean {
    return this.#poolerSuspected;
  }

  /** Session locks prove nothing here: each transaction has to check the fence itself (DESIGN 4.6). */
  get perTransactionFence(): boolean {
    return this.#poolerSuspected || !this.ownKnex;
  }

  /** For gauges and tests. */
  get gauges(): { readonly userLeased: number; readonly userWaiting: number; readonly systemLeased: number } {
    return { userLeased: this.#user.leased, userWaiting: this.#user.slots.waiting, systemLeased: this.#system?.leased ?? 0 };
  }

  /** Server processes of its connections, for tests. */
  get pids(): readonly number[] {
    return [...this.#alive].map(({ pid }) => pid);
  }

  /** A connection for user code, if one is at hand. */
  userAtHand(): Connection | undefined {
    const connection = this.#user.atHand();
    if (connection === undefined || connection.shell !== undefined) return connection;
    connection.release();
    return undefined;
  }

  /** A connection for user code; waits its turn as long as it takes. */
  async acquireUser(signal?: AbortSignal): Promise<Connection> {
    const connection = await this.#user.acquire(signal);
    if (connection.shell !== undefined) return connection;
    try {
      await KnexShell.open(connection, clientOf(this.knex));
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  acquireSystem(): Promise<Connection> {
    return this.#engine().acquire();
  }

  /** Lends a connection of the engine for a piece of work. */
  async system<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.acquireSystem();
    try {
      return await work(connection);
    } finally {
      connection.release();
    }
  }

  /** A connection that its owner keeps until it releases or destroys it. */
  dedicated(kind: Exclude<ConnectionKind, 'user'>): Promise<Connection> {
    return this.#engine().extra(kind);
  }

  /** The pool of the engine, opened when it is first needed. */
  #engine(): LeasePool {
    if (this.#system !== undefined) return this.#system;
    if (this.#closed) throw closed();
    const { systemSize } = this.#options;
    if (this.#config !== undefined) this.#engineKnex = knexOf(this.#config, systemSize + mostDedicated, this.#warn);
    const size = this.#config === undefined ? this.#shares().system : systemSize;
    this.#system = new LeasePool({ knex: this.#engineKnex ?? this.knex, kind: 'system', size, adopt: this.#adopt });
    return this.#system;
  }

  /** From now on only connections are lent that were opened (`onOpen`) after this call; those on loan end when they come back. */
  async renew(): Promise<void> {
    this.#generation++;
  }

  /** Our object for a raw connection. A new one is set up and asked who answers before anything else is sent on it. */
  readonly #adopt = async (client: RawClient, kind: ConnectionKind): Promise<Connection | undefined> => {
    const known = this.#known.get(client);
    if (known !== undefined) {
      if (!known.isCurrent()) return undefined;
      if (kind !== 'user') await this.#statesReadCommitted(known);
      return known;
    }
    const generation = this.#generation;
    const connection = new Connection(client, {
      probe: this.#options.probe === noProbe ? undefined : this.#options.probe,
      names: this.#options.preparedStatements ?? 200,
      isCurrent: () => generation === this.#generation,
      cancel: (pid) => this.#cancel(pid),
      ended: (ended) => this.#alive.delete(ended),
    });
    connection.kind = kind;
    this.#alive.add(connection);
    try {
      await this.#setUp(connection);
      if (kind !== 'user') await this.#statesReadCommitted(connection);
      await this.#options.onOpen?.(connection);
    } catch (error) {
      connection.giveUp(error);
      throw error;
    }
    this.#known.set(client, connection);
    if (connection.isCurrent()) return connection;
    connection.giveUp(new Error('replaced by a newer one')); // `renew` was called while it was opened
    return undefined;
  };

  async #setUp(connection: Connection): Promise<void> {
    const { client } = connection;
    keepAlive(client);
    const [answer] = await connection.fly(
      [
        {
          text: `select pg_backend_pid() as pid, current_setting('server_version_num')::int as version, current_setting('server_version') as release,
        set_config('synchronous_commit', 'on', false), set_config('application_name', $1, false)`,
          values: [this.#options.applicationName],
        },
      ],
      { deadlineMs },
    );
    const { pid, version, release } = (answer as Result).rows[0] as { pid: number; version: number; release: string };
    if (version < oldestServer) raise('DATABASE_VERSION', { found: `PostgreSQL ${release}`, needed: 'PostgreSQL 13 or newer' });
    this.#endpoint = { host: client.host, port: client.port, user: client.user ?? 'unknown' };
    if (pid === client.processID) return;
    this.#poolerSuspected = true;
    connection.prepared = undefined;
    connection.pid = pid;
  }

  /** The engine's statements are written for READ COMMITTED, whatever the server's default is (DESIGN L11). */
  async #statesReadCommitted(connection: Connection): Promise<void> {
    if (this.#readCommitted.has(connection)) return;
    await connection.fly([{ text: `set default_transaction_isolation = 'read committed'` }], { deadlineMs });
    this.#readCommitted.add(connection);
  }

  async #cancel(pid: number): Promise<void> {
    await this.system((connection) =>
      connection.fly([{ name: 'apiary_cancel', text: 'select pg_cancel_backend($1)', values: [pid] }], { deadlineMs: cancelDeadlineMs }),
    );
  }

  readonly #warn = (message: string): void => {
    this.#options.warn?.(message);
  };

  /** Ends all of them in the midst of whatever they do, as the end of the process would: for tests of crashes. */
  cut(): void {
    for (const connection of this.#alive) connection.giveUp(new Error('cut'));
  }

  /** Ends all of them. The user's own Knex stays. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#user.close(closed);
    this.#system?.close(closed);
    await this.#engineKnex?.destroy();
    if (this.ownKnex) await this.knex.destroy();
    for (const connection of this.#alive) if (this.ownKnex || connection.kind !== 'user') connection.giveUp(new Error('closed'));
    this.#sockets.destroyAll();
  }
}
