/** What a @Procedure returned, as statements for one flight of the engine. */
import { raise } from '@apiary/decorators/internal';
import type { Result, Statement } from '../store/connection/statement.js';
import { clientCopy, transactionControl } from '../store/connection/transaction-control.js';
import { interpretParts, SqlQuery, type Mode, type Part } from './query.js';

export interface Compiled {
  readonly statements: readonly Statement[];
  /** What the last statement's answer becomes. */
  readonly last: Mode;
  readonly parts: readonly Part[];
}

/**
 * @param label the function, for messages
 * @throws CONFIG if it is no statement, or was sent; FORBIDDEN_CALL if it would end the transaction
 */
export function compile(value: unknown, label: string): Compiled {
  if (!(value instanceof SqlQuery)) {
    // A rejection of an async method would be nobody's.
    if (value instanceof Promise) value.catch(() => {});
    raise('CONFIG', { path: label, problem: 'a @Procedure returns sql`...` or sql.batch(...), and is not async' });
  }
  value.sending.intoBatch();
  const { parts } = value.sending;
  const statements = parts.map((part) => part.template.statement());
  for (const { text } of statements) {
    const control = transactionControl(text) ?? (clientCopy(text) ? 'copy through the client' : undefined);
    if (control !== undefined) raise('FORBIDDEN_CALL', { caller: label, callee: control });
  }
  return { statements, last: value.mode, parts };
}

/** @throws ROW_COUNT */
export function interpret(compiled: Compiled, results: readonly Result[]): unknown {
  return interpretParts(compiled.parts, compiled.last, results);
}
