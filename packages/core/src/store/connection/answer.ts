/** What the server answered: results, rows and their columns. */
import type { FieldDef } from 'pg';
import type { Result } from './statement.js';

const noFields: readonly FieldDef[] = [];

/** A result with what Knex and pg users expect beside it. */
export class Answer implements Result {
  command = '';
  rowCount = 0;
  rows: Record<string, unknown>[] = [];
  fields: readonly FieldDef[] = noFields;
  /** The portal has more rows. */
  suspended = false;

  /** Takes the command tag apart: `INSERT 0 5`, `UPDATE 3`, `CREATE TABLE`. */
  complete(tag: string): void {
    const space = tag.indexOf(' ');
    if (space === -1) {
      this.command = tag;
      return;
    }
    this.command = tag.slice(0, space);
    let count = 0;
    for (let i = tag.lastIndexOf(' ') + 1; i < tag.length; i++) {
      const digit = tag.charCodeAt(i) - 48;
      if (digit < 0 || digit > 9) return;
      count = count * 10 + digit;
    }
    this.rowCount = count;
  }
}

type Parser = (text: string) => unknown;

/** The columns of a statement and how their texts become values. */
export class Shape {
  readonly fields: readonly FieldDef[];
  readonly #names: readonly string[];
  readonly #parsers: readonly Parser[];
  /** All columns as own properties, so that no column name can reach the prototype, and all rows have one hidden class. */
  readonly #empty: Record<string, unknown>;

  constructor(fields: readonly FieldDef[], types: { getTypeParser(id: number, format: 'text'): unknown }) {
    this.fields = fields;
    this.#names = fields.map((field) => field.name);
    this.#parsers = fields.map((field) => types.getTypeParser(field.dataTypeID, 'text') as Parser);
    const empty = Object.create(null) as Record<string, unknown>;
    for (const name of this.#names) empty[name] = null;
    this.#empty = { ...empty };
  }

  row(cells: readonly (string | null)[]): Record<string, unknown> {
    const row = { ...this.#empty };
    for (let i = 0; i < cells.length; i++) {
      const text = cells[i];
      if (text !== null && text !== undefined) row[this.#names[i] as string] = (this.#parsers[i] as Parser)(text);
    }
    return row;
  }

  array(cells: readonly (string | null)[]): unknown[] {
    return cells.map((text, i) => (text === null ? null : (this.#parsers[i] as Parser)(text)));
  }
}
