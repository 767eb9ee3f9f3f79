/** What launch finds out about one class before anything is constructed. */
import type { Token } from '../decorators/token.js';
import type { RegisteredFunction, RegisteredService } from '../registered.js';
import type { ConcreteType, Type } from '../types.js';

/** What a constructor parameter, `app.get` and `provide` name. */
export type Key = Type | Token<unknown>;

/** Where a dependency comes from. */
export type Source =
  | { readonly kind: 'service'; readonly type: ConcreteType<object> }
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'app' }
  /** A parameter with a default and nothing to inject. */
  | { readonly kind: 'default' };

export interface Dependency {
  readonly index: number;
  readonly source: Source;
  /** Named by `@Inject(() => Class)`: the one kind that may close a cycle. */
  readonly isLazy: boolean;
}

/** A service as the registry builds it up; others see it as RegisteredService. */
export class ServiceEntry implements RegisteredService {
  readonly functions = new Map<string, RegisteredFunction>();
  readonly name: string;
  readonly type: ConcreteType<object>;
  instance: object | undefined;

  constructor(name: string, type: ConcreteType<object>) {
    this.name = name;
    this.type = type;
  }
}

export interface Plan {
  readonly type: ConcreteType<object>;
  readonly service: ServiceEntry;
  /** Parameters of the constructor, in order. */
  readonly dependencies: readonly Dependency[];
  /** An instance that the caller gave with `provide` and keeps. */
  readonly provided: object | undefined;
  /** From a class in `services` to this one. */
  readonly path: readonly string[];
}

/** Each class once, in the order of discovery. */
export type Plans = ReadonlyMap<Type, Plan>;

export function isType(value: unknown): value is Type {
  return typeof value === 'function';
}

/** A name for texts. */
export function keyName(key: Key): string {
  return isType(key) ? (key as unknown as { name: string }).name || '(anonymous class)' : key.name;
}
