/** What a @Procedure returns. Declared here because its decorator checks it; the runtime implements it. */

/** Marks statements and fragments. Shared over copies of the package, so that a statement made by one is known to another. */
export const query: unique symbol = Symbol.for('apiary.query');

/** A statement not yet sent: it runs in the current transaction when awaited, or in one flight when a @Procedure returns it. */
export interface Query<R> extends Promise<R> {
  readonly [query]: R;
}
export interface Rows<T> extends Query<T[]> {
  /** The only row; else ROW_COUNT. */
  one(): Query<T>;
  /** The only row or undefined; more than one: ROW_COUNT. */
  maybe(): Query<T | undefined>;
  /** How many rows the statement touched. */
  count(): Query<number>;
}
