/** What we use of Knex beyond its published types. Everything that depends on its inside is named here. */
import type { Writable } from 'node:stream';
import type { Knex } from 'knex';
import type { Answer } from './answer.js';

/** A compiled query on its way through Knex. */
export interface KnexQuery {
  readonly sql: string;
  readonly bindings?: readonly unknown[] | undefined;
  readonly options?: { readonly rowMode?: string } | undefined;
  readonly method: string;
  readonly timeout?: number | false | undefined;
  readonly cancelOnTimeout?: boolean | undefined;
  readonly __knexQueryUid?: string | undefined;
  returning?: unknown;
  pluck?: string | undefined;
  as?: string | undefined;
  queryContext?: unknown;
  response?: Answer | undefined;
}

/** A builder of any kind: of queries, of raw SQL, of schemas. */
export interface KnexBuilder {
  readonly client: KnexClient;
  readonly _connection?: unknown;
  readonly _debug?: boolean | undefined;
  readonly _events?: { readonly error?: unknown } | undefined;
  /** Schema builders give several. */
  toSQL(): KnexQuery | KnexQuery[];
  queryContext(): unknown;
  listenerCount(event: string): number;
  emit(event: string, ...args: unknown[]): boolean;
}

/** A builder of queries, with what it has collected. */
export interface KnexQueryBuilder extends KnexBuilder {
  readonly _method: string;
  readonly _single: Readonly<Record<string, unknown>>;
  readonly _statements: readonly KnexStatement[];
  readonly _comments: readonly unknown[];
  readonly _options?: unknown;
  readonly _timeout?: number | undefined;
}

/** A part of a query: `where`, a column, an order. */
export interface KnexStatement extends Readonly<Record<string, unknown>> {
  readonly grouping: string;
}

/** Sends what a builder compiles to; Knex makes one each time that a builder is awaited. */
export interface KnexRunner {
  readonly client: KnexClient;
  readonly builder: KnexBuilder;
  connection: unknown;
  run(): Promise<unknown>;
  query(query: KnexQuery): Promise<unknown>;
  queryArray(queries: KnexQuery[]): Promise<unknown>;
}
export type KnexRunnerClass = new (client: KnexClient, builder: KnexBuilder) => KnexRunner;

export interface KnexTransactionConfig {
  readonly connection?: unknown;
  readonly userParams: object;
  readonly doNotRejectOnRollback: boolean;
}

export interface KnexTransaction {
  then(fulfilled: () => void, rejected: () => void): unknown;
  catch(rejected: (error: unknown) => void): unknown;
}

/** The parts of Knex's client that we use or replace. */
export interface KnexClient {
  readonly config: Knex.Config;
  readonly driverName: string;
  readonly logger: { debug(message: unknown): void };
  readonly pool?: { readonly max?: number; numPendingAcquires?(): number } | undefined;
  acquireConnection(): Promise<unknown>;
  releaseConnection(connection: unknown): Promise<void>;
  queryBuilder(): KnexQueryBuilder;
  runner(builder: KnexBuilder): KnexRunner;
  transaction(container: (knex: Knex.Transaction) => unknown, config: KnexTransactionConfig, outer?: KnexTransaction | null): KnexTransaction;
  /** Adds the numbers of the bindings, tells listeners, calls `_query`, and puts the statement into the message of its error. */
  query(connection: unknown, query: KnexQuery): Promise<KnexQuery>;
  _query(connection: unknown, query: KnexQuery): Promise<KnexQuery>;
  _stream(connection: unknown, query: KnexQuery, into: Writable, options: StreamOptions): Promise<void>;
  /** Numbers in place of question marks. */
  positionBindings(text: string): string;
  processResponse(query: KnexQuery, runner: KnexRunner): unknown;
  postProcessResponse(result: unknown, queryContext: unknown): unknown;
  cancelQuery(connection: unknown): Promise<unknown>;
  emit(event: string, ...args: unknown[]): boolean;
}

export interface StreamOptions {
  readonly batchSize?: number | undefined;
  readonly highWaterMark?: number | undefined;
}

/** The class of the runners of a client, whose prototype this is. */
export function runnerOf(dialect: KnexClient): KnexRunnerClass {
  return dialect.runner.call(dialect, undefined as never).constructor as KnexRunnerClass;
}

/** Knex's own client for pg, and nothing put in the place of its parts: neither by a dialect of the user's nor by a tracer, which marks what it wraps. */
export function isOriginal(dialect: KnexClient): boolean {
  const root = Object.getPrototypeOf(dialect) as KnexClient;
  if (!('runner' in root) || 'runner' in (Object.getPrototypeOf(root) as object)) return false;
  return dialect.runner === root.runner && dialect.query === root.query && !('__wrapped' in (runnerOf(dialect).prototype as KnexRunner).query);
}
