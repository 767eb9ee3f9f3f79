/** Copies a rich value into what devalue takes. */
import { types } from 'node:util';
import { raise } from '@apiary/decorators/internal';
import { registeredClasses, type SerializableClass } from './classes.js';
import { describeError, isError, type ErrorDetail } from './error-document.js';
import { builtInCopy } from './built-in.js';
import { Marked } from './marked.js';
import { formatPath, type PathKey } from './path.js';
import { maxDepth } from './plain.js';
import { constructorOf, describe, refusal } from './refusal.js';

/** Longest chain of causes; what is below is kept by its String form. */
const maxErrors = 32;

export interface PreparationOptions {
  /** Called with the class of each instance that will come back as a plain object. */
  readonly unregistered?: (type: Function) => void;
  /** How much of errors is kept. */
  readonly detail?: ErrorDetail;
}

/**
 * One walk over one value. Every property is read once, so getters and proxies cannot show one thing to the checks and another to the
 * writer. Identity is kept: an object met twice, or in itself, is one object in the copy.
 */
export class Preparation {
  readonly #root: string;
  readonly #options: PreparationOptions;
  readonly #copies = new Map<object, unknown>();
  readonly #path: PathKey[] = [];
  readonly #encoding = new Set<object>();
  /** Objects that may still be copied before the attempt is given up. */
  #budget = Number.POSITIVE_INFINITY;
  #rich = false;
  /** Errors around the one at hand. */
  #errors = 0;

  constructor(root: string, options: PreparationOptions = {}) {
    this.#root = root;
    this.#options = options;
  }

  /** Whether the copy holds anything that JSON would not give back as it is. */
  get rich(): boolean {
    return this.#rich;
  }

  get detail(): ErrorDetail | undefined {
    return this.#options.detail;
  }

  /** @throws NOT_RECORDABLE with the path of what cannot be recorded */
  prepare(value: unknown): unknown {
    try {
      return this.value(value);
    } catch (error) {
      if (error instanceof Refused) return raise('NOT_RECORDABLE', { path: formatPath(this.#root, this.#path), found: error.message }, { cause: error.cause });
      throw error;
    }
  }

  /** The copy, or undefined if it cannot be made; then nothing of the attempt is left. For the fields of errors. */
  attempt(key: string, value: unknown, budget: number): { readonly copy: unknown } | undefined {
    const before = { size: this.#copies.size, depth: this.#path.length, rich: this.#rich, errors: this.#errors, budget: this.#budget };
    const allowed = Math.min(budget, this.#budget);
    this.#budget = allowed;
    try {
      return { copy: this.member(key, value) };
    } catch {
      let position = 0;
      for (const made of this.#copies.keys()) if (position++ >= before.size) this.#copies.delete(made);
      this.#path.length = before.depth;
      this.#rich = before.rich;
      this.#errors = before.errors;
      return undefined;
    } finally {
      this.#budget = before.budget - (allowed - this.#budget);
    }
  }

  /** The copy of what is found under a key of the object at hand. */
  member(key: PathKey, value: unknown): unknown {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    this.#path.push(key);
    const copy = this.value(value);
    this.#path.pop();
    return copy;
  }

  value(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value;
      case 'number':
        if (!Number.isFinite(value) || Object.is(value, -0)) this.#rich = true;
        return value;
      case 'undefined':
      case 'bigint':
        this.#rich = true;
        return value;
      case 'object':
        return value === null ? value : this.#object(value);
      default:
        throw new Refused(describe(value));
    }
  }

  #object(value: object): unknown {
    if (this.#copies.has(value)) {
      this.#rich = true;
      return this.#copies.get(value);
    }
    if (this.#path.length >= maxDepth) throw new Refused(`nested deeper than ${maxDepth} levels`);
    if (--this.#budget < 0) throw new Refused('too large a part of an error');
    try {
      return this.#copy(value);
    } catch (error) {
      if (error instanceof Refused) throw error;
      throw new Refused('a value that throws when it is read', { cause: error });
    }
  }

  #copy(value: object): unknown {
    const proto = Object.getPrototypeOf(value) as object | null;
    if (Array.isArray(value)) return this.#list(value, proto);
    if (proto === Object.prototype) return this.#fields(value, this.#made(value, {}), true);
    if (proto === null) {
      this.#rich = true;
      return this.#fields(value, this.#made(value, Object.create(null) as object), true);
    }
    const registered = registeredClasses().byPrototype.get(proto);
    if (registered?.encode !== undefined) return this.#encoded(value, registered);
    if (isError(value)) return this.#error(value, registered);
    if (registered !== undefined) return this.#instance(value, registered);
    return this.#builtIn(value) ?? this.#unregistered(value, proto);
  }

  /** Lists of other classes come back as plain ones, unless their class has a codec of its own. */
  #list(value: readonly unknown[], proto: object | null): unknown {
    const registered = proto === Array.prototype || proto === null ? undefined : registeredClasses().byPrototype.get(proto);
    return registered?.encode === undefined ? this.#array(value) : this.#encoded(value, registered);
  }

  #array(value: readonly unknown[]): unknown[] {
    const out = this.#made(value, [] as unknown[]);
    for (let i = 0; i < value.length; i++) {
      if (!Object.hasOwn(value, i)) return this.#sparse(value, out, i);
      out.push(this.member(i, value[i]));
    }
    return out;
  }

  /** From the first hole on. Goes by keys: a length alone must not cost memory. */
  #sparse(value: readonly unknown[], out: unknown[], from: number): unknown[] {
    this.#rich = true;
    for (const key of Object.keys(value)) {
      const index = Number(key);
      if (!Number.isInteger(index) || index < from) continue;
      out[index] = this.member(index, value[index]);
    }
    if (out.length < value.length) {
      // Element storage turns into a dictionary first, so that the length costs nothing; and the hole is what is wanted.
      out[value.length - 1] = 0;
      // oxlint-disable-next-line typescript/no-array-delete
      delete out[value.length - 1];
    }
    return out;
  }

  #builtIn(value: object): unknown {
    const copy = builtInCopy(value);
    if (copy === undefined) return undefined;
    this.#rich = true;
    if (copy instanceof Map) return this.#map(value as ReadonlyMap<unknown, unknown>, this.#made(value, copy));
    if (copy instanceof Set) return this.#set(value as ReadonlySet<unknown>, this.#made(value, copy));
    return this.#made(value, copy);
  }

  #map(value: ReadonlyMap<unknown, unknown>, out: Map<unknown, unknown>): unknown {
    let index = 0;
    // By the built-in method: a subclass or an own property may iterate otherwise.
    Map.prototype.forEach.call(value, (member: unknown, key: unknown) => {
      const shown = typeof key === 'string' ? JSON.stringify(key) : typeof key === 'object' ? `key ${index}` : String(key);
      const copied = this.member({ shown: `.keys()[${index++}]` }, key);
      out.set(copied, this.member({ shown: `.get(${shown})` }, member));
    });
    return out;
  }

  #set(value: ReadonlySet<unknown>, out: Set<unknown>): unknown {
    let index = 0;
    Set.prototype.forEach.call(value, (member: unknown) => out.add(this.member(index++, member)));
    return out;
  }

  #error(value: object, registered: SerializableClass | undefined): unknown {
    this.#rich = true;
    const document = {};
    const marked = this.#made(value, new Marked('Error', document));
    if (++this.#errors > maxErrors) throw new Refused('too long a chain of errors');
    describeError(value, registered?.name, this, document);
    this.#errors--;
    return marked;
  }

  #instance(value: object, registered: SerializableClass): unknown {
    this.#rich = true;
    const fields = {};
    const marked = this.#made(value, new Marked('Class', { class: registered.name, fields }));
    this.#fields(value, fields, false);
    return marked;
  }

  #encoded(value: object, registered: SerializableClass): unknown {
    this.#rich = true;
    if (this.#encoding.has(value)) throw new Refused(`an instance of ${registered.type.name} inside itself, and the class has a codec of its own`);
    this.#encoding.add(value);
    let data: unknown;
    try {
      data = this.value(registered.encode?.(value));
    } finally {
      this.#encoding.delete(value);
    }
    return this.#made(value, new Marked('Class', { class: registered.name, data, ...(isError(value) ? { stack: String(value.stack) } : {}) }));
  }

  /** A copy of the own fields. Those that are undefined are left out: with modern class fields, most of them were only declared. */
  #unregistered(value: object, proto: object): unknown {
    if (Object.getPrototypeOf(proto) === null && Object.hasOwn(proto, 'hasOwnProperty')) {
      return this.#fields(value, this.#made(value, {}), true); // an object literal of another realm
    }
    const found = refusal(value);
    if (found !== undefined) throw new Refused(types.isProxy(value) ? 'a Proxy' : found);
    const type = constructorOf(value);
    if (type !== undefined && type !== Object) this.#options.unregistered?.(type);
    const out: Record<string, unknown> = this.#made(value, {});
    for (const key of Object.keys(value)) {
      const member = (value as Record<string, unknown>)[key];
      if (member !== undefined) this.#field(out, key, member);
    }
    return out;
  }

  #fields(value: object, out: object, strict: boolean): object {
    for (const key of Object.keys(value)) this.#field(out as Record<string, unknown>, key, (value as Record<string, unknown>)[key]);
    if (strict && Object.getOwnPropertySymbols(value).some((key) => Object.prototype.propertyIsEnumerable.call(value, key))) {
      throw new Refused('an object with a symbol as key');
    }
    return out;
  }

  #field(out: Record<string, unknown>, key: string, member: unknown): void {
    if (key === '__proto__') throw new Refused('an object with a key named __proto__');
    out[key] = this.member(key, member);
  }

  #made<T>(value: object, copy: T): T {
    this.#copies.set(value, copy);
    return copy;
  }
}

/** What stops a walk; the path at that moment names the place. */
class Refused extends Error {}
