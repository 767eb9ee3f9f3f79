/** The methods of a class as inheritance leaves them: which one counts, and which are overridden. */
import { functionMetadata, type FunctionMetadata } from '../metadata.js';
import type { Type } from '../types.js';

export interface Member {
  readonly name: string;
  readonly isStatic: boolean;
  /** The prototype, or the class for a static member, that declares it. */
  readonly home: object;
  /** The class that declares it. */
  readonly type: Type;
  /** Of its own decorator; undefined for a plain method. */
  readonly metadata: FunctionMetadata | undefined;
  /** Members of one name above it, nearest first. */
  readonly overridden: readonly Member[];
}

/** Prototypes (or classes) from the class itself up to the top. */
export function homesOf(type: Type, isStatic: boolean): readonly object[] {
  const homes: object[] = [];
  const top = isStatic ? Function.prototype : Object.prototype;
  for (let at: object | null = isStatic ? type : (type.prototype as object); at !== null && at !== top; at = Object.getPrototypeOf(at) as object | null)
    homes.push(at);
  return homes;
}

/** The class of a home. */
export function typeOfHome(home: object): Type {
  return (typeof home === 'function' ? home : home.constructor) as Type;
}

/** What `instance.name` or `Class.name` reaches; undefined if no class of the chain has it. */
export function memberOf(type: Type, name: string, isStatic: boolean): Member | undefined {
  const [first, ...others] = homesOf(type, isStatic)
    .filter((home) => Object.hasOwn(home, name))
    .map((home): Member => ({ name, isStatic, home, type: typeOfHome(home), metadata: functionMetadata(home, name), overridden: [] }));
  return first === undefined ? undefined : { ...first, overridden: others };
}

const builtIn: ReadonlySet<string> = new Set(['constructor', 'prototype', 'length', 'name', 'arguments', 'caller']);

/** All members, instance members first. */
export function membersOf(type: Type): readonly Member[] {
  return [false, true].flatMap((isStatic) => {
    const names = new Set(homesOf(type, isStatic).flatMap((home) => Object.getOwnPropertyNames(home)));
    return [...names]
      .filter((name) => !builtIn.has(name) || (isStatic === false && name !== 'constructor'))
      .flatMap((name) => memberOf(type, name, isStatic) ?? []);
  });
}

/** The function value of a member; undefined for accessors and data. */
export function functionValue(member: Member): ((...args: never[]) => unknown) | undefined {
  if (member.metadata !== undefined) return member.metadata.body;
  const value: unknown = Object.getOwnPropertyDescriptor(member.home, member.name)?.value;
  return typeof value === 'function' ? (value as (...args: never[]) => unknown) : undefined;
}
