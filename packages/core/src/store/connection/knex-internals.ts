/** What we use of Knex beyond its published types. Everything that depends on its inside is named here. */
import type { Writable } from 'node:stream';
import type { Knex } from 'knex';
import type { Answer } from './answer.js';

/** A compiled query on its way through Knex. */
export interface KnexQuery {
  readonly sql: string;
  readonly bindings?: readonly unknown[] | undefined;
  readonly options?: { readonly rowMode?: string } | undefined;
  response?: Answer | undefined;
}

export interface KnexTransaction {
  then(fulfilled: () => void, rejected: () => void): unknown;
  catch(rejected: (error: unknown) => void): unknown;
}

/** The parts of Knex's client that we use or replace. */
export interface KnexClient {
  readonly config: Knex.Config;
  readonly driverName: string;
  readonly pool?: { readonly max?: number; numPendingAcquires?(): number } | undefined;
  acquireConnection(): Promise<unknown>;
  releaseConnection(connection: unknown): Promise<void>;
  transaction(container: (knex: Knex.Transaction) => void, config: object, outer?: KnexTransaction | null): KnexTransaction;
  _query(connection: unknown, query: KnexQuery): Promise<KnexQuery>;
  _stream(connection: unknown, query: KnexQuery, into: Writable, options: StreamOptions): Promise<void>;
  cancelQuery(connection: unknown): Promise<unknown>;
}

export interface StreamOptions {
  readonly batchSize?: number | undefined;
  readonly highWaterMark?: number | undefined;
}
