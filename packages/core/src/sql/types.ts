/** The types of what functions write SQL with. */
import type { Query, Rows } from '@apiary/decorators';
import type { query } from '@apiary/decorators/internal';
import type { Knex } from 'knex';

export type { Query, Rows };

export interface Fragment {
  readonly [query]: 'fragment';
}
/** Statements and fragments are embedded, arrays become PostgreSQL arrays, other plain objects JSON, bigint and Date their types. `undefined` is refused. */
export type SqlValue = string | number | bigint | boolean | null | object;

export interface Sql {
  /**
   * A statement of the current transaction, sent when it is awaited. Values become parameters, never text.
   * @throws NO_TRANSACTION when it is awaited outside a @Transaction; CONFIG for `undefined`
   */
  <T extends object = Record<string, unknown>>(text: TemplateStringsArray, ...values: SqlValue[]): Rows<T>;
  /** A quoted identifier: `sql.id('public', 'account')`. */
  id(...path: string[]): Fragment;
  /** A list of values or fragments: `in (${sql.join(ids)})`. The separator is text of the statement, not a value. An empty list: CONFIG. */
  join(parts: readonly SqlValue[], separator?: string): Fragment;
  /** A value as JSON, whatever it is: an array too. */
  json(value: unknown): Fragment;
  /**
   * Several statements in one flight, one round trip: for those that need nothing of each other. They take effect in their order, the first that
   * fails stops the others; the value is that of the last.
   * @throws CONFIG for none, and for what is no statement or was sent before
   */
  batch<L>(...statements: [...Query<unknown>[], Query<L>]): Query<L>;
}

export interface AmbientTransaction extends Knex.Transaction {
  /** Apiary commits when the method returns. */
  readonly commit: never;
  /** Throw to roll back. */
  readonly rollback: never;
}
