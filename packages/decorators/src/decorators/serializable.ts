import type { Type } from '../types.js';

/** A class that the codec restores. Without `encode` and `decode`: own fields, no constructor call. */
export interface SerializableClass {
  readonly name: string;
  readonly type: Type;
  encode?(value: unknown): unknown;
  decode?(data: unknown): unknown;
}
const registered: SerializableClass[] = [];

/**
 * Lets the codec restore instances of a class, errors included, so that `instanceof` holds. Default codec: own fields, no constructor call.
 * @param name stored with each value: fix it once; a second class of that name is REGISTRATION at launch
 * @param codec turns a value into data and back
 */
export function Serializable<T, D = unknown>(name: string, codec?: { encode(value: T): D; decode(data: D): T }): (target: Type<T>) => void {
  return (type) => {
    registered.push(
      codec === undefined ? { name, type } : { name, type, encode: (value) => codec.encode(value as T), decode: (data) => codec.decode(data as D) },
    );
  };
}

/** All classes that carry @Serializable, in the order of their declaration. */
export function serializables(): readonly SerializableClass[] {
  return registered;
}
