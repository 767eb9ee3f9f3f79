/** Statements that are sent when they are awaited, at most once, in the transaction that is current then. */
import { apiaryError, query, raise } from '@apiary/decorators/internal';
import { context } from '../context.js';
import { plain, sendPlain } from '../plain.js';
import type { Answer } from '../store/connection/answer.js';
import type { Result } from '../store/connection/statement.js';
import type { UnsentQuery, UserTransaction } from '../store/connection/transaction.js';
import { Piece, type Writer } from './fragment.js';
import type { Template } from './template.js';
import type { Query, Rows } from './types.js';

/** What is made of the answer to a statement. */
export type Mode = 'rows' | 'one' | 'maybe' | 'count';

export interface Part {
  readonly template: Template;
  readonly mode: Mode;
}

/** @throws ROW_COUNT */
export function valueOf(mode: Mode, result: Result, text: () => string): unknown {
  const { rows } = result;
  switch (mode) {
    case 'rows':
      return rows;
    case 'count':
      return result.rowCount;
    case 'one':
      if (rows.length !== 1) wrongCount('exactly one row', rows.length, text());
      return rows[0];
    case 'maybe':
      if (rows.length > 1) wrongCount('one row or none', rows.length, text());
      return rows[0];
  }
}

function wrongCount(expected: string, rows: number, text: string): never {
  raise('ROW_COUNT', { rows }, { message: `expected ${expected}, got ${rows} from: ${text}` });
}

/** Several views of one statement (`q`, `q.one()`) share this, so that it is sent once. */
export class Sending implements UnsentQuery {
  /** Of a batch, all its statements; the mode of the last is that of the view. */
  readonly parts: readonly Part[];
  readonly #createdIn: UserTransaction | undefined;
  #answers: Promise<Answer[]> | undefined;
  #inBatch = false;

  constructor(parts: readonly Part[]) {
    this.parts = parts;
    this.#createdIn = context.getStore()?.transaction;
    this.#createdIn?.created(this);
  }

  get text(): string {
    return (this.parts.at(-1) as Part).template.text;
  }

  /** It has become part of something else: nobody has to await it any more. */
  used(): void {
    this.#createdIn?.used(this);
  }

  /** @throws CONFIG if it was sent or is in another batch */
  intoBatch(): void {
    if (this.#answers !== undefined || this.#inBatch)
      raise('CONFIG', { path: 'sql', problem: `a statement is sent once, and this one was sent before: ${this.text}` });
    this.#inBatch = true;
    this.used();
  }

  send(): Promise<Answer[]> {
    return (this.#answers ??= this.#sendNow());
  }

  #sendNow(): Promise<Answer[]> {
    this.used();
    if (this.#inBatch)
      return Promise.reject(apiaryError('CONFIG', { path: 'sql', problem: `this statement is part of a batch: await the batch; ${this.text}` }));
    const transaction = context.getStore()?.transaction;
    if (transaction === undefined) {
      const knex = plain.getStore()?.knex;
      if (knex !== undefined)
        return sendPlain(
          knex,
          this.parts.map((part) => part.template.statement()),
        );
      return Promise.reject(apiaryError('NO_TRANSACTION', { call: 'sql' }));
    }
    return transaction.batch(this.parts.map((part) => part.template.statement()));
  }
}

export class SqlQuery<R> extends Piece implements Query<R> {
  readonly sending: Sending;
  readonly mode: Mode;
  #value: Promise<R> | undefined;

  constructor(sending: Sending, mode: Mode) {
    super();
    this.sending = sending;
    this.mode = mode;
  }

  /** Marks it for the decorators; there is no value before it is awaited. */
  get [query](): R {
    return undefined as R;
  }

  get [Symbol.toStringTag](): string {
    return 'Query';
  }

  one(): SqlQuery<unknown> {
    return new SqlQuery(this.sending, 'one');
  }

  maybe(): SqlQuery<unknown> {
    return new SqlQuery(this.sending, 'maybe');
  }

  count(): SqlQuery<number> {
    return new SqlQuery(this.sending, 'count');
  }

  then<A = R, B = never>(fulfilled?: ((value: R) => A | PromiseLike<A>) | null, rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<A | B> {
    return (this.#value ??= this.sending.send().then(this.#interpret, restack)).then(fulfilled, rejected);
  }

  catch<B = never>(rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<R | B> {
    return this.then(undefined, rejected);
  }

  finally(settled?: (() => void) | null): Promise<R> {
    return this.then().finally(settled);
  }

  readonly #interpret = (answers: readonly Result[]): R => interpretParts(this.sending.parts, this.mode, answers) as R;

  /** Embeds its text in another statement. */
  write(writer: Writer): void {
    const { parts } = this.sending;
    if (parts.length !== 1) raise('CONFIG', { path: 'sql', problem: 'a batch cannot be embedded in a statement' });
    (parts[0] as Part).template.write(writer);
  }
}

/** All are checked, the last one's value is given. */
export function interpretParts(parts: readonly Part[], last: Mode, results: readonly Result[]): unknown {
  let value: unknown;
  for (let i = 0; i < parts.length; i++) {
    const { template, mode } = parts[i] as Part;
    value = valueOf(i === parts.length - 1 ? last : mode, results[i] as Result, () => template.text);
  }
  return value;
}

/** The stack of an error of the driver ends in its socket; the caller's is of more use. */
function restack(error: unknown): never {
  if (error instanceof Error) Error.captureStackTrace(error, restack);
  throw error;
}

export type AnyRows<T> = SqlQuery<T[]> & Rows<T>;
