/** What decorators record. They only record; the registry reads, the runtime acts. */
import 'reflect-metadata';
import type { Token } from './decorators/token.js';
import type { FunctionKind } from './registered.js';
import type { Type } from './types.js';

export interface FunctionMetadata {
  readonly kind: FunctionKind;
  /** Name of the method in the class that declares it. */
  readonly method: string;
  readonly isStatic: boolean;
  /** The method as written. */
  readonly body: (this: unknown, ...args: never[]) => unknown;
  /** Options as given to the decorator. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A decorator where it cannot stand. Decorators do not throw: launch reports all of them at once. */
export interface Misuse {
  readonly member: string;
  readonly problem: string;
  readonly remedy: string;
}
export type InjectKey = Token<unknown> | (() => Type);

const FUNCTION = 'apiary:function';
const VALID = 'apiary:valid';
const VALIDATED = 'apiary:validated';
const SERVICE = 'apiary:service';
const INJECT = 'apiary:inject';
const MISUSE = 'apiary:misuse';
const PARAMETERS = 'design:paramtypes';

/** Metadata is always read from the class that carries it: inheritance is the registry's decision, never reflection's. */
function own<T>(key: string, target: object, member?: string): T | undefined {
  return (member === undefined ? Reflect.getOwnMetadata(key, target) : Reflect.getOwnMetadata(key, target, member)) as T | undefined;
}

export function recordFunction(target: object, metadata: FunctionMetadata): void {
  Reflect.defineMetadata(FUNCTION, metadata, target, metadata.method);
}
/** @param target the prototype, or the class for a static method */
export function functionMetadata(target: object, method: string): FunctionMetadata | undefined {
  return own(FUNCTION, target, method);
}

export function recordValid(target: object, method: string, index: number, type: () => Type): void {
  const types = own<Map<number, () => Type>>(VALID, target, method) ?? new Map<number, () => Type>();
  Reflect.defineMetadata(VALID, types.set(index, type), target, method);
  Reflect.defineMetadata(VALIDATED, [...new Set([...validatedMethods(target), method])], target);
}
/** What @Valid names, by the index of the parameter. */
export function validTypes(target: object, method: string): ReadonlyMap<number, () => Type> {
  return own(VALID, target, method) ?? new Map();
}
/** Methods that carry @Valid, decorated or not. */
export function validatedMethods(target: object): readonly string[] {
  return own(VALIDATED, target) ?? [];
}

export function recordService(type: Type, options: unknown): void {
  Reflect.defineMetadata(SERVICE, { options: options ?? {} }, type);
}
/** Options of the class's own @Service, unchecked; undefined without it. */
export function serviceMetadata(type: Type): { readonly options: unknown } | undefined {
  return own(SERVICE, type);
}

export function recordInject(type: Type, index: number, key: InjectKey): void {
  Reflect.defineMetadata(INJECT, new Map(injectKeys(type)).set(index, key), type);
}
/** What @Inject names, by the index of the constructor parameter. */
export function injectKeys(type: Type): ReadonlyMap<number, InjectKey> {
  return own(INJECT, type) ?? new Map();
}

export function recordMisuse(target: object, member: string, problem: string, remedy: string): void {
  Reflect.defineMetadata(MISUSE, [...misuses(target), { member, problem, remedy }], target);
}
export function misuses(target: object): readonly Misuse[] {
  return own(MISUSE, target) ?? [];
}

/** Parameter types as the compiler emitted them; undefined when it emitted none. */
export function emittedTypes(target: object, method?: string): readonly unknown[] | undefined {
  return own(PARAMETERS, target, method);
}
