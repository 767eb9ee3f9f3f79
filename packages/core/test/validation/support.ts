import { inspect, isApiaryError, type RegisteredFunction, type Violation } from '@apiary/decorators/internal';
import { validateArguments } from '@apiary/core/internal';
import type { Type } from '@apiary/decorators/internal';

/** A function as the registry of an app would have it. */
export function functionOf(service: Type, method: string): RegisteredFunction {
  const fn = [...inspect({ services: [service as never] }).functions.values()].find((f) => f.metadata.method === method);
  if (fn === undefined) throw new Error(`no function ${method}`);
  return fn;
}

export function violationsOf(fn: RegisteredFunction, args: readonly unknown[]): readonly Violation[] {
  try {
    validateArguments(fn, args);
  } catch (error) {
    if (isApiaryError(error, 'VALIDATION')) return error.details.violations;
    throw error;
  }
  return [];
}

/** Path and rule of each violation, sorted: `request.amount isPositive`. */
export function broken(fn: RegisteredFunction, args: readonly unknown[]): string[] {
  return violationsOf(fn, args)
    .map(({ path, rule }) => `${path} ${rule}`)
    .sort();
}
