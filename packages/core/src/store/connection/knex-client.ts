/** Knex's client for transactions over flights: the user's own dialect and configuration, with the sending replaced. */
import type { Writable } from 'node:stream';
import type { Knex } from 'knex';
import { Facade } from './facade.js';
import {
  isOriginal,
  type KnexBuilder,
  type KnexClient,
  type KnexQuery,
  type KnexRunner,
  type KnexTransaction,
  type KnexTransactionConfig,
  type StreamOptions,
} from './knex-internals.js';
import { plainRunner, type Within } from './knex-runner.js';
import { KnexShapes } from './knex-shapes.js';
import { rowStream } from './row-stream.js';

interface TransactionClient {
  readonly client: KnexClient;
  /** Told of transactions nested in one of ours, by the outer one. */
  readonly started: WeakMap<KnexTransaction, (nested: KnexTransaction) => void>;
}

const made = new WeakMap<KnexClient, TransactionClient>();

/** The client from which the transactions of a Knex instance are made; one an instance. */
export function transactionClient(knexClient: KnexClient): TransactionClient {
  const known = made.get(knexClient);
  if (known !== undefined) return known;
  const started: TransactionClient['started'] = new WeakMap();
  // Knex makes the client of a transaction from the prototype of its constructor, also that of a nested one.
  const constructor = subclass(knexClient, started);
  const { transaction } = constructor.prototype as KnexClient;
  const client = Object.create(knexClient, { constructor: { value: constructor }, transaction: { value: transaction } }) as KnexClient;
  const result = { client, started };
  made.set(knexClient, result);
  return result;
}

function subclass(knexClient: KnexClient, started: TransactionClient['started']): new () => KnexClient {
  const base = knexClient.constructor as new () => KnexClient;
  const dialect = base.prototype as KnexClient;
  const shapes = isOriginal(dialect) ? new KnexShapes(dialect) : undefined;
  const Runner = shapes && plainRunner(dialect, shapes);
  return class extends base {
    /** Knex makes the client of a transaction without its constructor. */
    declare within: Within | undefined;

    override runner(builder: KnexBuilder): KnexRunner {
      const { within } = this;
      return within === undefined || Runner === undefined ? super.runner(builder) : new Runner(this, builder, within);
    }

    override positionBindings(text: string): string {
      return shapes?.numbered(text) ?? super.positionBindings(text);
    }

    override _query(connection: unknown, query: KnexQuery): Promise<KnexQuery> {
      if (!(connection instanceof Facade)) return super._query(connection, query);
      return connection.opening ? Promise.resolve(query) : connection.answer(query);
    }

    override _stream(connection: unknown, query: KnexQuery, into: Writable, options: StreamOptions): Promise<void> {
      if (!(connection instanceof Facade)) return super._stream(connection, query, into, options);
      return pipe(connection, query, into, options ?? {});
    }

    override transaction(container: (knex: Knex.Transaction) => unknown, config: KnexTransactionConfig, outer?: KnexTransaction | null): KnexTransaction {
      const facade = config.connection ?? this.within?.facade;
      const inside = (knex: Knex.Transaction): unknown => {
        if (facade instanceof Facade) (knex.client as this).within = { facade, isOver: knex.isCompleted };
        return container(knex);
      };
      const nested = super.transaction(inside, config, outer);
      if (outer) started.get(outer)?.(nested);
      return nested;
    }

    override cancelQuery(connection: unknown): Promise<unknown> {
      return connection instanceof Facade ? connection.cancelCurrent() : super.cancelQuery(connection);
    }
  };
}

function pipe(connection: Facade, query: KnexQuery, into: Writable, options: StreamOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const rows = rowStream(connection.current(), query, options);
    rows.on('error', (error) => {
      reject(error);
      into.emit('error', error);
    });
    rows.on('end', resolve);
    rows.on('close', resolve);
    rows.pipe(into);
  });
}
