/** The `sql` tag. */
import { raise } from '@apiary/decorators/internal';
import { IdentifierPiece, JsonPiece, ListPiece } from './fragment.js';
import { Sending, SqlQuery, type AnyRows, type Part } from './query.js';
import { Template } from './template.js';
import type { Fragment, Query, Sql, SqlValue } from './types.js';

function statement<T extends object>(strings: TemplateStringsArray, ...values: SqlValue[]): AnyRows<T> {
  const template = new Template(strings, values);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === 'object' && value instanceof SqlQuery) value.sending.used();
  }
  return new SqlQuery(new Sending([{ template, mode: 'rows' }]), 'rows') as unknown as AnyRows<T>;
}

function batch<L>(...statements: [...Query<unknown>[], Query<L>]): Query<L> {
  const queries = statements as unknown[];
  if (queries.length === 0) raise('CONFIG', { path: 'sql.batch', problem: 'needs at least one statement' });
  const parts: Part[] = [];
  for (const part of queries) {
    if (!(part instanceof SqlQuery)) raise('CONFIG', { path: 'sql.batch', problem: 'takes statements made by sql' });
    part.sending.intoBatch();
    const own = part.sending.parts;
    parts.push(...own.slice(0, -1), { template: (own.at(-1) as Part).template, mode: part.mode });
  }
  return new SqlQuery<L>(new Sending(parts), (parts.at(-1) as Part).mode);
}

/** Parameterised SQL in the current @Transaction; elsewhere NO_TRANSACTION. Named prepared statements where the connection allows. */
export const sql: Sql = Object.assign(statement, {
  id: (...path: string[]): Fragment => new IdentifierPiece(path),
  join: (parts: readonly SqlValue[], separator = ', '): Fragment => {
    for (const part of parts) if (part instanceof SqlQuery) part.sending.used();
    return new ListPiece(parts, separator);
  },
  json: (value: unknown): Fragment => new JsonPiece(value),
  batch,
});
