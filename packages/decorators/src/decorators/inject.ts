import { recordInject, recordMisuse } from '../metadata.js';
import type { Type } from '../types.js';
import type { Token } from './token.js';

/** T, but emitted as `Object`: breaks the cycle of two files that import each other. */
export type Lazy<T> = T;

/** `[[Stripe, stripe], [API_KEY, 'sk_...']]`; each value is checked against its key. The caller keeps and disposes the values. */
export type Provided<P> = { readonly [I in keyof P]: readonly [Type<P[I]> | Token<P[I]>, NoInfer<P[I]>] };

type InjectDecorator<T> = <C extends Type, I extends number>(
  target: C,
  method: undefined,
  index: [T] extends [ConstructorParameters<C>[I]] ? I : 'the parameter has another type',
) => void;

/**
 * Names the dependency of a constructor parameter; checked against the parameter's type.
 * @param key a token, or a function that gives a class: called at launch, so two classes may need each other
 */
export function Inject<T>(key: Token<T> | (() => Type<T>)): InjectDecorator<T> {
  return (target: Type, method: undefined, index: unknown) => {
    if (method === undefined && typeof target === 'function') recordInject(target, index as number, key);
    else recordMisuse(target, String(method), '@Inject stands at a parameter of a method', 'Use it at constructor parameters');
  };
}
