/** Connections to a database of the test's own, and a transaction as the executor runs one. */
import {
  Connections,
  context,
  UserTransaction,
  type Connection,
  type ConnectionsOptions,
  type Context,
  type Result,
  type Statement,
} from '@apiary/core/internal';
import { createDatabase, type TestDatabase } from '@apiary/testing/internal';
import pg from 'pg';

export interface Bench {
  readonly database: TestDatabase;
  readonly connections: Connections;
  /** A connection beside them. */
  readonly admin: pg.Client;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function bench(options: Partial<ConnectionsOptions> = {}, schema = ''): Promise<Bench> {
  const database = await createDatabase();
  const admin = new pg.Client({ connectionString: database.connectionString });
  admin.on('error', () => {});
  await admin.connect();
  if (schema !== '') await admin.query(schema);
  const end = async (): Promise<void> => {
    await admin.end();
    await database.drop();
  };
  try {
    const connections = await Connections.open({ database: database.connectionString, poolSize: 3, systemSize: 2, applicationName: 'apiary test', ...options });
    return {
      database,
      connections,
      admin,
      async [Symbol.asyncDispose]() {
        await connections.close();
        await end();
      },
    };
  } catch (error) {
    // A connection that is left open would keep the process of the tests alive.
    await end();
    throw error;
  }
}

export const serializable: Statement = { name: 'apiary_begin', text: 'begin isolation level serializable' };
export const readCommitted: Statement = { name: 'apiary_begin_rc', text: 'begin isolation level read committed' };

export interface TransactOptions {
  readonly begin?: readonly Statement[];
  readonly rows?: readonly Statement[];
  /** After the seal, before the final flight. */
  readonly sealed?: (transaction: UserTransaction) => unknown;
}

/** Code runs in the async context of the transaction; what it returns is awaited there too. */
export function inside<T>(transaction: UserTransaction, body: () => T | PromiseLike<T>): Promise<T> {
  return context.run({ kind: 'transaction', transaction } as unknown as Context, async () => await body());
}

/** Lends a connection for user code. */
export async function lent<T>(connections: Connections, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await connections.acquireUser();
  try {
    return await work(connection);
  } finally {
    if (connection.lost) connection.destroy();
    else connection.release();
  }
}

/** Acquires, runs, seals, commits, releases, as an executor does. */
export async function transact<T>(
  connections: Connections,
  body: (transaction: UserTransaction) => T | PromiseLike<T>,
  options: TransactOptions = {},
): Promise<T> {
  const connection = await connections.acquireUser();
  const transaction = new UserTransaction(connection, { begin: options.begin ?? [serializable], label: 'Test.method' });
  try {
    const value = await inside(transaction, () => body(transaction));
    transaction.seal();
    await options.sealed?.(transaction);
    await transaction.commit(options.rows ?? []);
    return value;
  } catch (error) {
    await transaction.rollback();
    throw transaction.infrastructureError ?? error;
  } finally {
    if (connection.lost) connection.destroy();
    else connection.release();
  }
}

/** Counts the writes to the socket of a connection from now on. */
export function countWrites(connection: Connection): { readonly writes: number } {
  const counter = { writes: 0 };
  const { stream } = connection.client.connection;
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = ((...args: unknown[]) => {
    counter.writes++;
    return write(...args);
  }) as typeof stream.write;
  return counter;
}

export async function rejected(promise: Promise<unknown>): Promise<Error & { code?: string; details?: Record<string, unknown> }> {
  return promise.then(
    (value) => {
      throw new Error(`expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error as Error & { code?: string },
  );
}

export const commands = (results: readonly Result[]): string[] => results.map((r) => r.command);
