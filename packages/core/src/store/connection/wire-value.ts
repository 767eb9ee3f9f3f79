/** How JavaScript values travel as parameters: as text, or as bytes. */
import { createRequire } from 'node:module';

// pg's own conversion, for dates, JSON and objects with `toPostgres`; it is reachable by path only.
const { prepareValue } = createRequire(import.meta.url)('pg/lib/utils.js') as { prepareValue(value: unknown): string | Buffer | null };

/**
 * @throws TypeError for what has no meaning as a value: a function, a symbol, a date that is none
 */
export function wireValue(value: unknown): string | Uint8Array | null {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'undefined':
      return null;
    case 'object':
      return value === null ? null : object(value);
    default:
      throw new TypeError(`a ${typeof value} cannot be a value of a statement`);
  }
}

function object(value: object): string | Uint8Array | null {
  if (Array.isArray(value)) return arrayLiteral(value);
  if (value instanceof Date && Number.isNaN(value.getTime())) throw new TypeError('an invalid Date cannot be a value of a statement');
  return prepareValue(value);
}

const special = /["\\]/;

function quoted(text: string): string {
  return special.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`;
}

/** `{1,"a",NULL}`; the brackets of nested arrays make dimensions. */
function arrayLiteral(values: readonly unknown[]): string {
  let out = '{';
  for (let i = 0; i < values.length; i++) {
    if (i > 0) out += ',';
    out += element(values[i]);
  }
  return out + '}';
}

function element(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'undefined':
      return 'NULL';
    default: {
      if (Array.isArray(value)) return arrayLiteral(value);
      const wire = wireValue(value);
      if (wire === null) return 'NULL';
      return typeof wire === 'string' ? quoted(wire) : `"\\\\x${Buffer.from(wire.buffer, wire.byteOffset, wire.byteLength).toString('hex')}"`;
    }
  }
}
