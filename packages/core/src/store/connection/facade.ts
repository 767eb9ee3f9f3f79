/** What Knex believes to be its connection: passes queries to the transaction that has leased it, out of its own async context only. */
import { apiaryError } from '@apiary/decorators/internal';
import { context } from '../../context.js';
import type { Answer } from './answer.js';
import type { Connection } from './connection.js';
import type { FlightStatement } from './flight.js';
import type { KnexQuery } from './knex-internals.js';
import { nameIfRepeated } from './statement-names.js';
import type { UserTransaction } from './transaction.js';

export class Facade {
  __knexUid: string | undefined;
  __knexTxId: string | undefined;
  readonly #connection: Connection;
  transaction: UserTransaction | undefined;
  /** Knex is making the shell: its BEGIN is swallowed, ours flies with the first statement. */
  opening = true;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.__knexUid = (connection.client as { __knexUid?: string }).__knexUid;
  }

  get processID(): number {
    return this.#connection.pid;
  }

  /** The transaction, if the caller is inside of it. */
  current(): UserTransaction {
    const { transaction } = this;
    if (transaction === undefined || context.getStore()?.transaction !== transaction) throw outside();
    return transaction;
  }

  run(query: Pick<KnexQuery, 'sql' | 'bindings' | 'options'>): Promise<Answer> {
    return this.#currentFor(query).run(statementOf(query));
  }

  /** The query with its answer. */
  answer(query: KnexQuery): Promise<KnexQuery> {
    const transaction = this.#currentFor(query);
    return new Promise((resolve, reject) => {
      transaction.send([statementOf(query)], (error, answers) => {
        if (error !== undefined) return reject(error as Error);
        query.response = answers[0];
        resolve(query);
      });
    });
  }

  #currentFor({ sql }: Pick<KnexQuery, 'sql'>): UserTransaction {
    if (!sql) throw new Error('The query is empty');
    return this.current();
  }

  /** As pg's client, for code that takes the connection from Knex: text and values, with promise or callback. */
  query(
    config: string | { text: string; values?: unknown[] },
    values?: unknown,
    callback?: (error: unknown, answer?: Answer) => void,
  ): Promise<Answer> | undefined {
    const text = typeof config === 'string' ? config : config.text;
    const bindings = Array.isArray(values) ? values : typeof config === 'string' ? undefined : config.values;
    const done = typeof values === 'function' ? (values as typeof callback) : callback;
    if (typeof text !== 'string') throw new TypeError('only texts can be sent on the connection of a transaction');
    const answer = this.run({ sql: text, bindings });
    if (done === undefined) return answer;
    answer.then((result) => done(undefined, result), done);
    return undefined;
  }

  cancelCurrent(): Promise<void> {
    return this.#connection.cancel();
  }
}

export function statementOf(query: Pick<KnexQuery, 'sql' | 'bindings' | 'options'>): FlightStatement {
  return { text: query.sql, values: query.bindings, name: nameIfRepeated(query.sql), rowMode: query.options?.rowMode === 'array' ? 'array' : undefined };
}

function outside(): Error {
  return apiaryError(
    'NO_TRANSACTION',
    { call: 'db' },
    {
      message: 'this `db` belongs to a transaction that is over, or was used outside of it: use `db` of @apiary/core inside a @Transaction',
    },
  );
}
