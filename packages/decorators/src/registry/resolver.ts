/** What meets a key: the one place that knows `provide`, the app itself, and abstract classes. */
import type { ConcreteType, Type } from '../types.js';
import { isType, keyName, type Key } from './plan.js';
import { raise } from '../errors.js';
import { isNative } from '../source/parse.js';

export interface InspectOptions {
  readonly services: readonly ConcreteType[];
  readonly provide?: readonly (readonly [Key, unknown])[] | undefined;
  /** The class of the app itself: services may take it as a constructor parameter. `value` may be left to `construct`. */
  readonly app?: { readonly type: Type; readonly value?: unknown } | undefined;
  /** What stands in for a key that nothing meets, where no step is going to run. */
  readonly missing?: ((key: Key) => unknown) | undefined;
}

export type Resolution =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'app' }
  | { readonly kind: 'service'; readonly type: ConcreteType<object> }
  | { readonly kind: 'ambiguous'; readonly candidates: readonly string[] }
  | { readonly kind: 'missing' };

export class Resolver {
  readonly #provided: ReadonlyMap<Key, unknown>;
  readonly #listed: ReadonlySet<Type>;
  readonly #appType: Type | undefined;
  readonly #missing: ((key: Key) => unknown) | undefined;
  readonly #standIns = new Map<Key, unknown>();

  /** @throws CONFIG for a `provide` that is no list of pairs */
  constructor({ services, provide = [], app, missing }: InspectOptions) {
    this.#listed = new Set(services as readonly Type[]);
    this.#provided = checkedPairs(provide);
    this.#appType = app?.type;
    this.#missing = missing;
  }

  isListed(type: Type): boolean {
    return this.#listed.has(type);
  }
  get provided(): ReadonlyMap<Key, unknown> {
    return this.#provided;
  }

  /** A class that nothing else meets is its own service, unless it is built into the engine. */
  find(key: Key): Resolution {
    const isProvided = this.#provided.has(key);
    if (!isType(key)) return isProvided ? { kind: 'value', value: this.#provided.get(key) } : this.#absent(key);
    if (isProvided && this.#listed.has(key)) return { kind: 'ambiguous', candidates: [`${keyName(key)} in services`, `${keyName(key)} in provide`] };
    if (isProvided) return { kind: 'value', value: this.#provided.get(key) };
    if (key === this.#appType) return { kind: 'app' };
    if (this.#listed.has(key)) return { kind: 'service', type: key as ConcreteType<object> };
    const heirs = [...this.#listed].filter((type) => extendsType(type, key));
    if (heirs.length > 1) return { kind: 'ambiguous', candidates: heirs.map(keyName) };
    const type = heirs[0] ?? key;
    return isNative(type) ? this.#absent(key) : { kind: 'service', type: type as ConcreteType<object> };
  }

  #absent(key: Key): Resolution {
    if (this.#missing === undefined) return { kind: 'missing' };
    if (!this.#standIns.has(key)) this.#standIns.set(key, this.#missing(key));
    return { kind: 'value', value: this.#standIns.get(key) };
  }
}

function checkedPairs(provide: readonly unknown[]): ReadonlyMap<Key, unknown> {
  const pairs = new Map<Key, unknown>();
  provide.forEach((pair, index) => {
    const path = `provide.${index}`;
    if (!Array.isArray(pair) || pair.length !== 2) raise('CONFIG', { path, problem: 'is no pair: give [Class or token, value]' });
    const [key, value] = pair as [Key, unknown];
    const isKey = isType(key) || (typeof key === 'object' && key !== null && typeof key.name === 'string');
    if (!isKey) raise('CONFIG', { path, problem: 'has no class and no token as its key' });
    if (value === undefined) raise('CONFIG', { path, problem: `gives undefined for ${keyName(key)}` });
    if (pairs.has(key)) raise('CONFIG', { path, problem: `gives ${keyName(key)} a second time` });
    pairs.set(key, value);
  });
  return pairs;
}

/** By the chain of classes, not `instanceof`: a class may define what that means. */
function extendsType(type: Type, key: Type): boolean {
  return Object.prototype.isPrototypeOf.call(key, type);
}
