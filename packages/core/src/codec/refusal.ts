/** What no codec can take, in words. */
import { types } from 'node:util';

const globals = globalThis as unknown as Record<string, unknown>;

/** A value that is no object: a function or a symbol. */
export function describe(value: unknown): string {
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value !== 'function') return `a value of type ${typeof value}`;
  return /^class\b/.test(Function.prototype.toString.call(value)) ? 'a class' : 'a function';
}

/**
 * Why an object that is neither data nor an instance of a user's class cannot be recorded; undefined if it can. Such objects keep what
 * matters where nobody can read it, so that a copy of their fields would be an empty object.
 */
export function refusal(value: object): string | undefined {
  if (types.isPromise(value)) return 'a promise';
  if (types.isWeakMap(value)) return 'a WeakMap';
  if (types.isWeakSet(value)) return 'a WeakSet';
  if (types.isGeneratorObject(value)) return 'a generator';
  if (types.isSharedArrayBuffer(value)) return 'shared memory';
  const has = (key: string | symbol): boolean => typeof (value as Record<string | symbol, unknown>)[key] === 'function';
  if (has('then')) return 'a promise';
  if (has(Symbol.asyncIterator) || (has('pipe') && has('on')) || has('getReader')) return 'a stream';
  if (has('next') && has(Symbol.iterator)) return 'an iterator';
  if (has('arrayBuffer')) return 'a response, request or blob';
  if (has('result') && has('status') && has('cancel')) return 'a workflow handle';
  const type = constructorOf(value);
  if (type === undefined || type === Object) return undefined;
  const native = globals[type.name] === type || Function.prototype.toString.call(type).includes('[native code]');
  return native ? `an instance of ${type.name}` : undefined;
}

/** The class of an object as its prototype tells it. */
export function constructorOf(value: object): Function | undefined {
  const proto = Object.getPrototypeOf(value) as { constructor?: unknown } | null;
  return typeof proto?.constructor === 'function' ? proto.constructor : undefined;
}
