import { recordMisuse, recordValid } from '../metadata.js';
import type { Type } from '../types.js';

type Element<T> = T extends readonly (infer E)[] ? E : never;
type ValidDecorator<T> = <O, const K extends string, I extends number>(
  target: O,
  key: K,
  index: K extends keyof O
    ? O[K] extends (...args: infer A) => unknown
      ? T extends NonNullable<A[I]> | Element<NonNullable<A[I]>>
        ? I
        : 'the parameter is of another class'
      : I
    : I,
) => void;

/**
 * Names the class-validator class of a parameter, or of an array parameter's elements, where reflection cannot see it: arrays,
 * `Line | null`, unions. A parameter of exactly a class, optional or not, needs none: `place(order: Order, @Valid(() => Line) lines: Line[])`.
 * A union with an array is reflected as neither: declare `lines?: Line[]` instead of `Line[] | null`.
 * @param type gives the class; called at launch, so it may be declared further down
 */
export function Valid<T>(type: () => Type<T>): ValidDecorator<T> {
  return (target: unknown, key: string | undefined, index: unknown) => {
    if (key === undefined) {
      recordMisuse(target as object, 'constructor', '@Valid stands at a constructor parameter', 'Use it at parameters of decorated methods');
    } else recordValid(target as object, key, index as number, type);
  };
}
