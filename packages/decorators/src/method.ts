/** Wraps decorated methods. The wrapper is the hot path of every call: one property, one map. */
import { ambientApp, binding, bindingOf, unmanagedCall, type Binding } from './binding.js';
import { apiaryError, type ErrorCatalogue, type ErrorCode } from './errors.js';
import { functionMetadata, recordFunction, recordMisuse, type FunctionMetadata } from './metadata.js';
import type { FunctionKind } from './registered.js';

type Method = (this: unknown, ...args: never[]) => unknown;
type Class = object & { readonly name: string };
type Bound = { readonly [binding]?: Binding } | null | undefined;
const kindNames = { workflow: '@Workflow', transaction: '@Transaction', procedure: '@Procedure', communicator: '@Communicator' } as const;

/** `@Workflow` for 'workflow', as texts say it. */
export function decoratorName(kind: FunctionKind): string {
  return kindNames[kind];
}

/** The decorator of a kind of function. It records and wraps; whatever is wrong with its place or options is reported at launch. */
export function decorateMethod(kind: FunctionKind, options: object | undefined) {
  return (target: object, key: string | symbol, descriptor: PropertyDescriptor | undefined): void => {
    const method: unknown = descriptor?.value;
    if (descriptor === undefined || typeof method !== 'function') {
      return recordMisuse(target, String(key), `${kindNames[kind]} stands at a property or accessor`, 'Decorate a method');
    }
    if (typeof key === 'symbol') return recordMisuse(target, String(key), 'stored histories need a name, and a symbol has none', 'Name the method by a string');
    const other = functionMetadata(target, key);
    if (other !== undefined) recordMisuse(target, key, `carries ${kindNames[other.kind]} and ${kindNames[kind]}`, 'Keep one of them');
    const metadata: FunctionMetadata = {
      kind,
      method: key,
      isStatic: typeof target === 'function',
      body: method as Method,
      options: (options ?? {}) as Readonly<Record<string, unknown>>,
    };
    recordFunction(target, metadata);
    descriptor.value = dress(method as Method, metadata.isStatic ? wrapStatic(metadata, target as Class) : wrapInstance(metadata, target));
  };
}

function wrapInstance(metadata: FunctionMetadata, prototype: object): Method {
  return function (this: unknown, ...args: readonly unknown[]): unknown {
    const found = (this as Bound)?.[binding];
    if (found !== undefined) {
      const fn = found.functions.get(metadata);
      if (typeof fn === 'object') return found.invoker.invoke(fn, this as object, args);
    }
    return slowCall(metadata, prototype, this, args);
  };
}

/** What is rare: a frozen instance, `super.method()`, an instance of no app. */
function slowCall(metadata: FunctionMetadata, prototype: object, target: unknown, args: readonly unknown[]): unknown {
  const found = bindingOf(target);
  const fn = found?.functions.get(metadata);
  if (typeof fn === 'object') return found!.invoker.invoke(fn, target as object, args);
  if (fn === 'overridden') return metadata.body.apply(target, args as never[]);
  const call = unmanagedCall();
  if (call !== undefined) return call(metadata, target, args);
  return rejected('NOT_LAUNCHED', { method: `${className(target) ?? prototype.constructor.name}.${metadata.method}` });
}

/** A static function has no instance: the running app is asked. `this` is the class, a subclass, or undefined when detached. */
function wrapStatic(metadata: FunctionMetadata, type: Class): Method {
  return function (this: unknown, ...args: readonly unknown[]): unknown {
    const app = ambientApp();
    if (app === undefined) {
      const call = unmanagedCall();
      return call === undefined ? rejected('NO_CONTEXT', { call: `${type.name}.${metadata.method}()` }) : call(metadata, this ?? type, args);
    }
    for (let at: object | null = isClass(this) ? this : type; at !== null; at = Object.getPrototypeOf(at) as object | null) {
      const fn = app.functions.get(at)?.get(metadata);
      if (typeof fn === 'object') return app.invoker.invoke(fn, at, args);
      if (fn === 'overridden') return metadata.body.apply(this, args as never[]);
    }
    return rejected('NOT_A_SERVICE', { service: type.name });
  };
}

/** Makes the wrapper look like the method: name, length, and what other decorators left on it. */
function dress(method: Method, wrapper: Method): Method {
  for (const key of Reflect.ownKeys(method)) {
    if (key === 'prototype' || key === 'arguments' || key === 'caller') continue;
    Object.defineProperty(wrapper, key, Object.getOwnPropertyDescriptor(method, key)!);
  }
  for (const key of Reflect.getOwnMetadataKeys(method) as unknown[]) Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, method), wrapper);
  return wrapper;
}

/** An async method never throws synchronously, and a @Procedure is awaited like one. */
function rejected<C extends ErrorCode>(code: C, details: ErrorCatalogue[C]): Promise<never> {
  return Promise.reject(apiaryError(code, details));
}

function className(target: unknown): string | undefined {
  if (typeof target !== 'object' || target === null) return undefined;
  const { constructor } = target as { constructor?: unknown };
  return isClass(constructor) && constructor !== Object ? constructor.name : undefined;
}

function isClass(value: unknown): value is Class {
  return typeof value === 'function';
}
