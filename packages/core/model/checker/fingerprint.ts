/**
 * Fingerprints of states: 62 bits over all values in order of their keys (states of one model have one form). Two different states share
 * one with a probability of about n * n / 2 ** 63 for n states: 10 ** -6 for three million.
 */
export interface Fingerprint {
  high: number;
  low: number;
}

const texts = new Map<string, number>();

function idOf(text: string): number {
  let id = texts.get(text);
  if (id === undefined) {
    id = texts.size + 1000;
    texts.set(text, id);
  }
  return id;
}

let high = 0;
let low = 0;

function add(n: number): void {
  high = Math.imul(high ^ n, 0x01000193) ^ (high >>> 15);
  low = Math.imul(low ^ Math.imul(n, 0x85ebca6b), 0xcc9e2d51);
  low ^= low >>> 13;
}

function walk(value: unknown): void {
  switch (typeof value) {
    case 'number':
      return add(value + 7);
    case 'string':
      return add(idOf(value));
    case 'boolean':
      return add(value ? 3 : 2);
    case 'object':
      if (value === null) return add(1);
      if (Array.isArray(value)) {
        add(value.length + 500);
        for (let i = 0; i < value.length; i++) walk(value[i]);
        return;
      }
      add(400);
      for (const key in value) walk((value as Record<string, unknown>)[key]);
      return;
    default:
      throw new TypeError(`a state holds a ${typeof value}`);
  }
}

/** The result is overwritten by the next call. */
export function fingerprint(value: unknown, into: Fingerprint): void {
  high = 0x811c9dc5 | 0;
  low = 0x9747b28c | 0;
  walk(value);
  into.high = high;
  into.low = low;
}
