/**
 * Runs the builders of a transaction. Knex's own runner takes some twenty promises for a statement, and each of them costs its hooks of the
 * async context. This one takes three, and leaves what is not one plain statement to Knex.
 */
import type { Facade } from './facade.js';
import { runnerOf, type KnexBuilder, type KnexClient, type KnexQuery, type KnexRunner } from './knex-internals.js';
import type { KnexShapes } from './knex-shapes.js';

/** What a client that was made for a transaction belongs to. */
export interface Within {
  readonly facade: Facade;
  /** Of a nested transaction: it has ended. */
  isOver(): boolean;
}

export type PlainRunnerClass = new (client: KnexClient, builder: KnexBuilder, within: Within) => KnexRunner;

export function plainRunner(dialect: KnexClient, shapes: KnexShapes): PlainRunnerClass {
  return class extends runnerOf(dialect) {
    readonly #within: Within;
    // As they are when the query is sent: a transaction that begins meanwhile changes those of the connection.
    #uid: string | undefined;
    #transactionId: string | undefined;

    constructor(client: KnexClient, builder: KnexBuilder, within: Within) {
      super(client, builder);
      this.#within = within;
    }

    override run(): Promise<unknown> {
      const { client, builder } = this;
      if (builder._connection !== undefined || this.#within.isOver()) return super.run();
      this.connection = this.#within.facade;
      try {
        client.emit('start', builder);
        builder.emit('start', builder);
        const compiled = shapes.compile(builder);
        if (builder._debug) client.logger.debug(compiled);
        if (Array.isArray(compiled)) return this.queryArray(compiled).then(this.#ended, this.#failed);
        return compiled.timeout ? this.query(compiled).then(this.#ended, this.#failed) : this.#send(compiled);
      } catch (error) {
        return Promise.reject(error).catch(this.#failed);
      }
    }

    #send(query: KnexQuery): Promise<unknown> {
      const { facade } = this.#within;
      this.#uid = facade.__knexUid;
      this.#transactionId = facade.__knexTxId;
      if (this.builder.listenerCount('query') > 0) this.builder.emit('query', this.#told(query));
      query.queryContext = this.builder.queryContext();
      return this.#query(query).then(
        () => this.#answered(query),
        (error: unknown) => this.#failedQuery(query, error),
      );
    }

    #query(query: KnexQuery): Promise<KnexQuery> {
      try {
        return dialect.query.call(this.client, this.connection, query);
      } catch (error) {
        return Promise.reject(error);
      }
    }

    #answered(query: KnexQuery): unknown {
      try {
        const result = this.#processed(query);
        // A function of the user's that processes results may be asynchronous.
        return isThenable(result) ? result.then(this.#ended, (error: unknown) => this.#failedQuery(query, error)) : this.#ended(result);
      } catch (error) {
        return this.#failedQuery(query, error);
      }
    }

    #processed(query: KnexQuery): unknown {
      const { client, builder } = this;
      const result = client.postProcessResponse(client.processResponse(query, this), query.queryContext);
      if (builder.listenerCount('query-response') > 0) builder.emit('query-response', result, this.#told(query), builder);
      client.emit('query-response', result, this.#told(query), builder);
      return result;
    }

    #failedQuery(query: KnexQuery, error: unknown): never {
      this.builder.emit('query-error', error, this.#told(query));
      return this.#failed(error);
    }

    readonly #ended = (result: unknown): unknown => {
      this.builder.emit('end');
      return result;
    };

    readonly #failed = (error: unknown): never => {
      if (this.builder._events?.error) this.builder.emit('error', error);
      throw error;
    };

    /** A query as listeners are told of it, who may change what they get. */
    #told(query: KnexQuery): object {
      return { __knexUid: this.#uid, __knexTxId: this.#transactionId, ...query };
    }
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
