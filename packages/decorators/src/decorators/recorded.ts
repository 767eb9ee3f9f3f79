/**
 * How a decorator tells the compiler what is wrong with a method: a message type in place of `string` for its key
 * argument. Operands of conditional types are boxed, so that a type parameter of the class does not defer the check.
 */
import type { Query } from '../query.js';
import type { Type } from '../types.js';

/**
 * What the codec can surely never take. Only the top level of arguments and results is checked by the compiler, the
 * rest at run time (NOT_RECORDABLE).
 */
type Unrecordable =
  | ((...args: never[]) => unknown)
  | Type
  | symbol
  | AsyncIterable<unknown>
  | WeakMap<WeakKey, unknown>
  | { arrayBuffer(): Promise<unknown> }
  | { result(): Promise<unknown> };

export type Surely<T, U> = { v: T & {} } extends { v: U } ? ({ v: 0 } extends { v: 1 & T } ? false : { v: T & {} } extends { v: never } ? false : true) : false;

export type Recorded<M, Kind extends string, Ok = string> = M extends (...args: infer A) => Promise<infer R>
  ? M extends (...args: never[]) => Query<unknown>
    ? `${Kind} needs an async method; a sync method that returns sql is a @Procedure`
    : true extends { [I in keyof A]: Surely<A[I], Unrecordable> }[number]
      ? `arguments of a ${Kind} are recorded: pass data, not a function, class, connection, stream or Response`
      : true extends Surely<R, Unrecordable>
        ? `the result of a ${Kind} is recorded: return data, not a function, class, stream, handle or Response`
        : Ok
  : `${Kind} needs an async method`;

type NotJson = Date | bigint | Uint8Array | Map<unknown, unknown> | Set<unknown>;
/** Whether rows hold what JSON cannot: the server records the rows of a @Procedure. */
export type HasNotJson<R> = R extends readonly (infer Row)[]
  ? HasNotJson<Row>
  : R extends object
    ? true extends { [K in keyof R]: Surely<R[K], NotJson> }[keyof R]
      ? true
      : false
    : false;

export interface Nameable {
  /** Name in stored histories; default: the name in the source. Fix it before you minify or rename. */
  name?: string | undefined;
}
