/** What the registry knows of decorated classes once it has checked them; the runtime works with these. */
import type { FunctionMetadata } from './metadata.js';

export type FunctionKind = 'workflow' | 'transaction' | 'procedure' | 'communicator';

/** How a parameter's declared class is to be checked: none, an instance, or an array of instances. */
export interface ParameterRule {
  readonly index: number;
  /** Name in the source, for paths in errors. */
  readonly name: string;
  readonly type: abstract new (...args: never[]) => unknown;
  readonly array: boolean;
}

export interface RegisteredFunction {
  /** `<service>.<method>`, as stored in histories. */
  readonly name: string;
  readonly kind: FunctionKind;
  readonly metadata: FunctionMetadata;
  readonly service: RegisteredService;
  /** Only of parameters whose class carries class-validator rules (or that name one with @Valid). */
  readonly parameters: readonly ParameterRule[];
}

export interface RegisteredService {
  readonly name: string;
  readonly type: new (...args: never[]) => object;
  /** By the name of the method in the class. Instance methods and static ones; launch refuses one name for both. */
  readonly functions: ReadonlyMap<string, RegisteredFunction>;
  /** Set once the registry has constructed it. */
  readonly instance: object | undefined;
}

/** What runs a decorated method that was called. Implemented by the executor of `@apiary/core`; set on instances by the registry. */
export interface Invoker {
  invoke(fn: RegisteredFunction, target: object, args: readonly unknown[]): unknown;
}
