/** Rows of a statement as a stream, taken in portions through a portal. The first portion flies with BEGIN like any statement. */
import { Readable } from 'node:stream';
import type { Answer } from './answer.js';
import { statementOf } from './facade.js';
import type { Portal } from './flight.js';
import type { KnexQuery, StreamOptions } from './knex-internals.js';
import type { UserTransaction } from './transaction.js';

let last = 0;

export function rowStream(transaction: UserTransaction, query: KnexQuery, options: StreamOptions): Readable {
  const highWaterMark = options.highWaterMark ?? 100;
  const portal: Portal = { name: `apiary_p${++last}`, rows: options.batchSize ?? highWaterMark, shape: undefined };
  let opened = false;
  let fetching = false;
  const next = (): Promise<Answer> => {
    fetching = true;
    if (opened) return transaction.run({ text: query.sql, more: portal });
    opened = true;
    // Unnamed: a portal is opened once.
    return transaction.run({ ...statementOf(query), name: undefined, open: portal });
  };
  return new Readable({
    objectMode: true,
    highWaterMark,
    read() {
      next().then(
        (answer) => {
          fetching = false;
          for (const row of answer.rows) this.push(row);
          if (!answer.suspended) this.push(null);
        },
        (error: unknown) => {
          fetching = false;
          this.destroy(error as Error);
        },
      );
    },
    destroy(error, callback) {
      // Rows that were taken ahead and that nobody wants any more are no query that was forgotten.
      if (fetching) transaction.abandon(portal);
      callback(error);
    },
  });
}
