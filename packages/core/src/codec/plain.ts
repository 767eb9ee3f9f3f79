/** How deep a recorded value may be nested. */
export const maxDepth = 1000;

/**
 * A copy of an object that JSON gives back as it is, so that it can be stored as its own JSON: plain objects and dense arrays of strings,
 * finite numbers, booleans and null, no object twice. Undefined for everything richer: one walk, which stops at the first such thing. A
 * copy and not a mere answer, because it is what a replay will give and costs a quarter of JSON.parse, and because each property is read
 * once: a getter or a proxy cannot show one thing here and another to the writer.
 */
export function plainCopy<T extends object>(value: T): T | undefined {
  const copy = copyObject(value, new Seen(), 1);
  return copy === richer ? undefined : (copy as T);
}

const richer = Symbol('richer than JSON');

function copyObject(value: object, seen: Seen, depth: number): unknown {
  if (depth > maxDepth || !seen.add(value)) return richer;
  const proto: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value)) return proto === Array.prototype ? copyArray(value, seen, depth) : richer;
  if (proto !== Object.prototype) return richer;
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const member = copyMember((value as Record<string, unknown>)[key], seen, depth);
    if (member === richer || key === '__proto__') return richer;
    out[key] = member;
  }
  return Object.getOwnPropertySymbols(value).length === 0 ? out : richer;
}

function copyArray(value: readonly unknown[], seen: Seen, depth: number): unknown {
  const out: unknown[] = [];
  // By index, because holes have to be met too: they read as undefined.
  for (let i = 0; i < value.length; i++) {
    const member = copyMember(value[i], seen, depth);
    if (member === richer) return richer;
    out.push(member);
  }
  return out;
}

function copyMember(value: unknown, seen: Seen, depth: number): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : richer;
    case 'object':
      return value === null ? value : copyObject(value, seen, depth + 1);
    default:
      return richer;
  }
}

/** Objects met so far. Most values hold a handful, for which a list is cheaper than a set. */
class Seen {
  readonly #few: object[] = [];
  #many: Set<object> | undefined;

  /** False if it is there already. */
  add(value: object): boolean {
    if (this.#many === undefined) {
      if (this.#few.includes(value)) return false;
      if (this.#few.push(value) > 16) this.#many = new Set(this.#few);
      return true;
    }
    const before = this.#many.size;
    return this.#many.add(value).size > before;
  }
}
