import { types } from 'node:util';
import { Marked } from './marked.js';

const typedArrays = new Map<string, new (buffer: ArrayBuffer) => object>(
  [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array].map(
    (type) => [type.name, type],
  ),
);
const nameOfTypedArray = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype) as object, Symbol.toStringTag)?.get;

/**
 * A plain copy of a built-in object of any realm, or of a subclass of one; Map and Set come back empty, to be filled. Undefined for
 * everything else. Told by internal slots, so that nothing can pass itself off as another type.
 */
export function builtInCopy(value: object): object | undefined {
  if (types.isDate(value)) return new Date(Date.prototype.getTime.call(value));
  if (types.isMap(value)) return new Map();
  if (types.isSet(value)) return new Set();
  if (Buffer.isBuffer(value)) return new Marked('Buffer', [Buffer.prototype.toString.call(value, 'base64')]);
  if (ArrayBuffer.isView(value)) return view(value);
  if (types.isArrayBuffer(value)) return value.slice(0);
  if (types.isRegExp(value)) return new RegExp(value.source, value.flags);
  if (value instanceof URL) return new URL(value.href);
  if (value instanceof URLSearchParams) return new URLSearchParams(value.toString());
  if (types.isBoxedPrimitive(value) && !types.isSymbolObject(value)) return Object(value.valueOf()) as object;
  return Object.prototype.toString.call(value).startsWith('[object Temporal.') ? value : undefined;
}

/** Only the bytes that the view shows: what else its memory holds is none of the record's business. */
function view(value: ArrayBufferView): object | undefined {
  const bytes = new Uint8Array(value.byteLength);
  bytes.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  if (types.isDataView(value)) return new DataView(bytes.buffer);
  const type = typedArrays.get(nameOfTypedArray?.call(value) as string);
  return type === undefined ? undefined : new type(bytes.buffer);
}
