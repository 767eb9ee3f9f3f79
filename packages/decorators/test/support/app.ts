/** The smallest app: an invoker that notes each call and runs the body. */
import {
  construct,
  inspect,
  isApiaryError,
  type ErrorCatalogue,
  type Inspection,
  type Invoker,
  type InspectOptions,
  type RegisteredFunction,
  type Registry,
  type Type,
} from '@apiary/decorators/internal';
import { expect } from 'chai';

export interface NotedCall {
  readonly fn: RegisteredFunction;
  readonly target: object;
  readonly args: readonly unknown[];
}

export class NotingInvoker implements Invoker {
  readonly calls: NotedCall[] = [];
  get names(): string[] {
    return this.calls.map(({ fn }) => fn.name);
  }
  invoke(fn: RegisteredFunction, target: object, args: readonly unknown[]): unknown {
    this.calls.push({ fn, target, args });
    return fn.metadata.body.apply(target, args as never[]);
  }
}

export interface TestApp {
  readonly registry: Registry;
  readonly invoker: NotingInvoker;
  get<T>(type: Type<T>): T;
}

export async function launch(options: InspectOptions, appValue?: unknown): Promise<TestApp> {
  const invoker = new NotingInvoker();
  const registry = await construct(inspect(options), invoker, appValue);
  return { registry, invoker, get: <T>(type: Type<T>) => registry.resolve(type) as T };
}

function refusal(options: InspectOptions): unknown {
  let found: Inspection;
  try {
    found = inspect(options);
  } catch (error) {
    return error;
  }
  throw new Error(`nothing was refused in ${found.services.map(({ name }) => name).join()}`);
}

/** Inspects, and expects REGISTRATION. */
export function problemsOf(...services: InspectOptions['services']): ErrorCatalogue['REGISTRATION']['problems'] {
  const error = refusal({ services });
  if (!isApiaryError(error, 'REGISTRATION')) throw error;
  return error.details.problems;
}

/** Inspects, and expects REGISTRATION with this one problem; each text must occur in it. */
export function expectProblem(services: InspectOptions['services'], method: string, ...texts: readonly string[]): void {
  const problems = problemsOf(...services);
  expect(
    problems.map((problem) => problem.method),
    JSON.stringify(problems),
  ).to.deep.equal([method]);
  const [{ problem, remedy }] = problems as [(typeof problems)[number]];
  for (const text of texts) expect(`${problem}. ${remedy}`).to.contain(text);
  expect(remedy).to.not.equal('');
}

/** Inspects, and expects DEPENDENCY. */
export function dependencyError(options: InspectOptions): ErrorCatalogue['DEPENDENCY'] & { readonly message: string } {
  const error = refusal(options);
  if (!isApiaryError(error, 'DEPENDENCY')) throw error;
  return { ...error.details, message: error.message };
}

/** The error that a promise rejects with; the call that made it must not throw. */
export async function rejection(call: () => unknown): Promise<Error> {
  const promise = call() as Promise<unknown>;
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was rejected');
}
