/** Knex's client for transactions over flights: the user's own dialect and configuration, with the sending replaced. */
import type { Writable } from 'node:stream';
import type { Knex } from 'knex';
import { Facade } from './facade.js';
import type { KnexClient, KnexQuery, KnexTransaction, StreamOptions } from './knex-internals.js';
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
  const constructor = subclass(knexClient.constructor as new () => KnexClient, started);
  const client = Object.create(knexClient, { constructor: { value: constructor } }) as KnexClient;
  const result = { client, started };
  made.set(knexClient, result);
  return result;
}

function subclass(base: new () => KnexClient, started: TransactionClient['started']): new () => KnexClient {
  return class extends base {
    override _query(connection: unknown, query: KnexQuery): Promise<KnexQuery> {
      if (!(connection instanceof Facade)) return super._query(connection, query);
      if (connection.opening) return Promise.resolve(query);
      return connection.run(query).then((answer) => {
        query.response = answer;
        return query;
      });
    }

    override _stream(connection: unknown, query: KnexQuery, into: Writable, options: StreamOptions): Promise<void> {
      if (!(connection instanceof Facade)) return super._stream(connection, query, into, options);
      return pipe(connection, query, into, options ?? {});
    }

    override transaction(container: (knex: Knex.Transaction) => void, config: object, outer?: KnexTransaction | null): KnexTransaction {
      const nested = super.transaction(container, config, outer);
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
