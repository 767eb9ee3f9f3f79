/** Makes instances of the declared classes from plain values. */
import type { Type } from '@apiary/decorators/internal';
import { isNestable, rulesOf, type ClassRules, type PropertyRules } from './rules.js';
import type { TypeMetadata } from './transformer.js';

/** How deep arguments may be nested in declared classes. */
const deepest = 100;
const primitives = new Map<unknown, (value: unknown) => unknown>([
  [String, String],
  [Number, Number],
  [Boolean, Boolean],
  [Date, (value) => (value instanceof Date ? value : new Date(value as string))],
  [Buffer, (value) => (typeof value === 'string' ? Buffer.from(value) : value)],
]);

/** What stops the making of an instance. */
export class Unbuildable extends Error {
  readonly path: string;
  readonly rule: string;

  constructor(path: string, rule: string, message: string) {
    super(message);
    this.path = path;
    this.rule = rule;
  }
}

/**
 * A new instance with the own fields of a value; nested values follow `@Type`, or the declared class where `@ValidateNested` stands. What
 * has no class to follow is taken over as it is, so Date, Map, Set, Buffer and classes of users arrive as they were.
 *
 * The built-in way of class-transformer (`plainToInstance`) is not used for this: it turns sets into lists, empties typed arrays and
 * regular expressions, calls constructors of classes nobody declared, changes its input at discriminators and, run again on what a record
 * holds, would apply `@Transform` twice.
 */
export class Builder {
  readonly #around = new Set<object>();
  readonly #honoursTransforms: boolean;
  /** Paths of fields that tell nested classes apart. They stay, so that the record tells them apart too, whatever the rules say. */
  readonly discriminators = new Set<string>();
  /** Set when a class has decorators that only class-transformer itself can apply; what was built is then of no use. */
  needsTransformer = false;
  /** Set when class-transformer would drop a discriminator. */
  dropsDiscriminators = false;

  constructor(honoursTransforms: boolean) {
    this.#honoursTransforms = honoursTransforms;
  }

  /** @throws Unbuildable */
  instance(type: Type, value: object, path: string): object {
    if (this.#around.has(value)) throw new Unbuildable(path, 'isAcyclic', `${path} contains itself`);
    if (this.#around.size >= deepest) throw new Unbuildable(path, 'maxDepth', `${path} is nested too deeply`);
    const rules = rulesOf(type);
    if (this.#honoursTransforms && rules.selective) this.needsTransformer = true;
    this.#around.add(value);
    const out = new (type as new () => object)();
    dropDeclaredOnly(out, rules);
    for (const key of Object.keys(value)) {
      const member = (value as Record<string, unknown>)[key];
      const known = rules.properties.get(key);
      if (key === '__proto__' || key === 'constructor') throw new Unbuildable(`${path}.${key}`, 'whitelistValidation', `property ${key} should not exist`);
      if (known?.transformed === true && this.#honoursTransforms) this.needsTransformer = true;
      if (known !== undefined) assign(out, key, this.#member(known, member, out, value, path));
      else if (member !== undefined) assign(out, key, member); // to be refused by name
    }
    this.#around.delete(value);
    return out;
  }

  #member({ name, typed, nested, declared }: PropertyRules, value: unknown, newObject: object, object: object, path: string): unknown {
    if (value === null || value === undefined) return value;
    if (typed !== undefined) return this.#typed(typed, value, { newObject, object, property: name }, `${path}.${name}`);
    if (!nested || !isObject(value) || Array.isArray(value) || !isNestable(declared)) return value;
    return this.instance(declared, value, `${path}.${name}`);
  }

  #typed(metadata: TypeMetadata, value: unknown, at: Place, path: string): unknown {
    if (!isObject(value)) return convert(metadata.typeFunction?.(at), value);
    const each = (item: unknown, key: unknown): unknown =>
      item === null || item === undefined ? item : this.#typed({ ...metadata, reflectedType: undefined }, item, at, `${path}.${String(key)}`);
    if (Array.isArray(value)) return metadata.reflectedType === Set ? new Set(value.map(each)) : value.map(each);
    if (value instanceof Set) return new Set([...value].map(each));
    if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, each(item, key)]));
    if (metadata.reflectedType === Map) return new Map(Object.entries(value).map(([key, item]) => [key, each(item, key)]));
    const { type, source } = this.#classFor(metadata, value, at, path);
    if (primitives.has(type) || typeof type !== 'function' || isOpaque(value)) return convert(type, value);
    return this.instance(type as unknown as Type, source, path);
  }

  #classFor(metadata: TypeMetadata, value: object, at: Place, path: string): { type: unknown; source: object } {
    const type = metadata.typeFunction?.(at);
    const discriminator = metadata.options?.discriminator;
    if (discriminator === undefined) return { type, source: value };
    const { property, subTypes } = discriminator;
    const name = (value as Record<string, unknown>)[property];
    const found = name === undefined ? subTypes.find((sub) => sub.value === value.constructor) : subTypes.find((sub) => sub.name === name);
    if (found === undefined) return { type, source: value };
    this.discriminators.add(`${path}.${property}`);
    if (metadata.options?.keepDiscriminatorProperty !== true) this.dropsDiscriminators = true;
    return { type: found.value, source: name === undefined ? { ...value, [property]: found.name } : value };
  }
}

/**
 * Deletes fields that are only declared: they are there all the same, undefined, and without rules they would be refused as if the caller
 * had sent them.
 */
export function dropDeclaredOnly(instance: object, rules: ClassRules): void {
  for (const key of Object.keys(instance)) {
    if ((instance as Record<string, unknown>)[key] === undefined && !rules.properties.has(key)) delete (instance as Record<string, unknown>)[key];
  }
}

interface Place {
  readonly newObject: object;
  readonly object: object;
  readonly property: string;
}

function convert(type: unknown, value: unknown): unknown {
  const to = primitives.get(type);
  return to === undefined ? value : to(value);
}

function assign(out: object, key: string, value: unknown): void {
  // An inherited method or getter would swallow the value, or refuse it: it becomes an own field, which the rules then refuse by name.
  if (key in out && !Object.hasOwn(out, key) && !hasSetter(out, key))
    Object.defineProperty(out, key, { value, enumerable: true, writable: true, configurable: true });
  else (out as Record<string, unknown>)[key] = value;
}

function hasSetter(object: object, key: string): boolean {
  for (let proto = Object.getPrototypeOf(object) as object | null; proto !== null; proto = Object.getPrototypeOf(proto) as object | null) {
    const descriptor = Object.getOwnPropertyDescriptor(proto, key);
    if (descriptor !== undefined) return descriptor.set !== undefined;
  }
  return false;
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Built-in objects, whose fields are not where their content is. */
export function isOpaque(value: object): boolean {
  return (
    value instanceof Date ||
    value instanceof RegExp ||
    value instanceof Map ||
    value instanceof Set ||
    value instanceof URL ||
    value instanceof Error ||
    ArrayBuffer.isView(value)
  );
}
