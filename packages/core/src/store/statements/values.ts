/** Pieces from which the insert statements are made. */

/** From so many rows on COPY costs the server and the process least, whatever their number; it needs one text for all numbers of rows. */
export const leastCopied = 5;
/** Where that cannot be, up to so many are sent as VALUES, more as an `unnest`. */
export const mostValues = 8;

/** `($1, $2), ($3, $4)` for the given number of rows and columns, from parameter `first`. */
export function placeholders(rows: number, columns: number, first = 1): string {
  const row = (r: number) => `(${Array.from({ length: columns }, (_, c) => `$${first + r * columns + c}`).join(', ')})`;
  return Array.from({ length: rows }, (_, r) => row(r)).join(', ');
}

/** `unnest($1::text[], $2::int[])` */
export function unnest(types: readonly string[], first = 1): string {
  return `unnest(${types.map((type, i) => `$${first + i}::${type}[]`).join(', ')})`;
}

/** Rows as columns: what `unnest` takes. */
export function columns<R>(rows: readonly R[], values: (row: R) => readonly unknown[], width: number): unknown[][] {
  const out: unknown[][] = Array.from({ length: width }, () => []);
  for (const row of rows) {
    const cells = values(row);
    for (let i = 0; i < width; i++) (out[i] as unknown[]).push(cells[i]);
  }
  return out;
}

/** Rows in the text format of COPY. */
export function copied<R>(rows: readonly R[], values: (row: R) => readonly unknown[]): string {
  let out = '';
  for (const row of rows) {
    const cells = values(row);
    for (let i = 0; i < cells.length; i++) out += (i === 0 ? '' : '\t') + copiedCell(cells[i]);
    out += '\n';
  }
  return out;
}

const special = /[\\\t\n\r]/;
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

export function copiedCell(value: unknown): string {
  if (value === null) return '\\N';
  return typeof value === 'string' ? copiedText(value) : String(value);
}

export function copiedText(value: string): string {
  return special.test(value) ? value.replace(/[\\\t\n\r]/g, (found) => escapes[found] as string) : value;
}
