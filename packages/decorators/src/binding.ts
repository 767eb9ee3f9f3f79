/** What ties an instance to its app. The only way from a decorated method to what runs it. */
import type { FunctionMetadata } from './metadata.js';
import type { Invoker, RegisteredFunction } from './registered.js';

/**
 * The functions of one service. `'overridden'`: a decorated method that a decorated method of a subclass overrides. Only
 * `super.method()` reaches it, and it is then a part of the override, not a step of its own.
 */
export type FunctionTable = ReadonlyMap<FunctionMetadata, RegisteredFunction | 'overridden'>;

export interface Binding {
  readonly invoker: Invoker;
  readonly functions: FunctionTable;
}
/** The app whose code is running, for static methods: they have no instance to ask. */
export interface AmbientApp {
  readonly invoker: Invoker;
  /** By class. */
  readonly functions: ReadonlyMap<object, FunctionTable>;
}
/** Runs decorated methods of instances that no app manages. */
export type UnmanagedCall = (metadata: FunctionMetadata, target: unknown, args: readonly unknown[]) => unknown;

/** On instances: not enumerable, inherited by `Object.create`. */
export const binding: unique symbol = Symbol('apiary.binding');

// Frozen instances cannot carry a property. Keyed by instance, so apps do not meet here.
const frozen = new WeakMap<object, Binding>();

export function bind(instance: object, value: Binding): void {
  if (Object.isExtensible(instance)) Object.defineProperty(instance, binding, { value, configurable: true });
  else frozen.set(instance, value);
}
/** For values that the caller keeps: another app may manage them later. */
export function unbind(instance: object): void {
  if (Object.hasOwn(instance, binding)) Reflect.deleteProperty(instance, binding);
  frozen.delete(instance);
}
/** The slow way: also for frozen instances. */
export function bindingOf(target: unknown): Binding | undefined {
  if ((typeof target !== 'object' && typeof target !== 'function') || target === null) return undefined;
  return (target as { [binding]?: Binding })[binding] ?? frozen.get(target);
}

let ambient: () => AmbientApp | undefined = () => undefined;
let unmanaged: UnmanagedCall | undefined;

/**
 * Tells static methods which app is running; set once by the runtime.
 * @param hook asked at each call of a static function; undefined outside any app
 */
export function setAmbientInvoker(hook: () => AmbientApp | undefined): void {
  ambient = hook;
}
export function ambientApp(): AmbientApp | undefined {
  return ambient();
}
/** Lifts NOT_LAUNCHED, for plain unit tests; undefined puts it back. */
export function setUnmanaged(call: UnmanagedCall | undefined): void {
  unmanaged = call;
}
export function unmanagedCall(): UnmanagedCall | undefined {
  return unmanaged;
}
