/** Pieces of statements, and how pieces become one text with its values numbered through. */
import { query, raise } from '@apiary/decorators/internal';
import type { Fragment } from './types.js';

/** Collects the text and the values of a statement. */
export class Writer {
  text = '';
  readonly values: unknown[] = [];

  value(value: unknown): void {
    if (value instanceof Piece) value.write(this);
    else this.text += `$${this.values.push(value)}`;
  }
}

/** What is written into a statement instead of becoming a value. */
export abstract class Piece {
  abstract write(writer: Writer): void;
}

abstract class FragmentPiece extends Piece implements Fragment {
  get [query](): 'fragment' {
    return 'fragment';
  }
}

export class IdentifierPiece extends FragmentPiece {
  readonly #text: string;

  constructor(path: readonly string[]) {
    super();
    if (path.length === 0) refuse('sql.id needs at least one name');
    this.#text = path.map(quoted).join('.');
  }

  write(writer: Writer): void {
    writer.text += this.#text;
  }
}

function quoted(name: unknown): string {
  if (typeof name !== 'string' || name === '' || name.includes('\0')) refuse('sql.id needs names that are not empty and hold no NUL');
  return `"${name.replaceAll('"', '""')}"`;
}

export class ListPiece extends FragmentPiece {
  readonly #parts: readonly unknown[];
  readonly #separator: string;

  constructor(parts: readonly unknown[], separator: string) {
    super();
    if (parts.length === 0) refuse('sql.join of an empty list: `in ()` is no SQL; `= any(${array})` takes an empty array');
    parts.forEach(checkValue);
    this.#parts = parts;
    this.#separator = separator;
  }

  write(writer: Writer): void {
    this.#parts.forEach((part, i) => {
      if (i > 0) writer.text += this.#separator;
      writer.value(part);
    });
  }
}

export class JsonPiece extends FragmentPiece {
  readonly #json: string;

  constructor(value: unknown) {
    super();
    const json = JSON.stringify(value) as string | undefined;
    if (json === undefined) refuse(`sql.json cannot take ${typeof value}`);
    this.#json = json;
  }

  write(writer: Writer): void {
    writer.value(this.#json);
  }
}

/** @throws CONFIG for what would silently become something else in the database */
export function checkValue(value: unknown): void {
  switch (typeof value) {
    case 'undefined':
      refuse('a value is undefined: pass null for NULL');
    case 'function':
    case 'symbol':
      refuse(`a ${typeof value} cannot be a value`);
    case 'object':
      if (value !== null && !(value instanceof Piece)) checkObject(value);
  }
}

function checkObject(value: object): void {
  if (value instanceof Map || value instanceof Set) refuse('a Map or Set cannot be a value: pass an array or a plain object');
  if (typeof (value as { then?: unknown }).then === 'function') refuse('a promise cannot be a value: await it');
}

function refuse(problem: string): never {
  raise('CONFIG', { path: 'sql', problem });
}
