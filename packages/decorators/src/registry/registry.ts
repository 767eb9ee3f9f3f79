/** The services and functions of one app. */
import { bind, unbind, type AmbientApp, type FunctionTable } from '../binding.js';
import type { Graph } from '../graph/graph.js';
import type { Invoker, RegisteredFunction, RegisteredService } from '../registered.js';
import type { ConcreteType, Type } from '../types.js';
import { functionTable } from './functions.js';
import type { Inspection } from './inspect.js';
import { planOf } from './order.js';
import { keyName, type Dependency, type Key, type Plan } from './plan.js';
import { replaceStandIns, standIn } from './stand-in.js';
import { raise } from '../errors.js';

/**
 * Constructs the services of an inspection, each once and after what it needs, and ties them to the app.
 * @param invoker runs their decorated methods from now on
 * @param app the value for constructor parameters of the app's class; default: `app.value` of the inspection
 * @throws what a constructor throws, once the services made before are disposed
 */
export async function construct(inspection: Inspection, invoker: Invoker, app?: unknown): Promise<Registry> {
  const registry = new Registry(inspection, invoker, app ?? inspection.parts.appValue);
  try {
    registry.build();
  } catch (error) {
    await registry.dispose().catch(() => undefined);
    throw error;
  }
  return registry;
}

export class Registry {
  /** In the order of construction. */
  readonly services: readonly RegisteredService[];
  /** By the stored name, `<service>.<method>`. */
  readonly functions: ReadonlyMap<string, RegisteredFunction>;
  readonly graph: Graph;
  readonly version: string;
  /** For `setAmbientInvoker`, while code of this app runs. */
  readonly ambient: AmbientApp;

  readonly #inspection: Inspection;
  readonly #app: unknown;
  readonly #standIns = new Map<object, Plan>();
  readonly #built: Plan[] = [];
  #disposal: Promise<void> | undefined;

  /** @internal */
  constructor(inspection: Inspection, invoker: Invoker, app: unknown) {
    this.#inspection = inspection;
    this.#app = app;
    ({ services: this.services, functions: this.functions, graph: this.graph, version: this.version } = inspection);
    const tables = new Map<object, FunctionTable>();
    for (const plan of inspection.parts.plans.values()) tables.set(plan.type, functionTable(plan));
    this.ambient = { invoker, functions: tables };
  }

  /** @internal */
  build(): void {
    const { order, plans } = this.#inspection.parts;
    if (order.plans.some(({ service }) => service.instance !== undefined)) throw new Error('an inspection is constructed once: inspect again for another app');
    for (const plan of order.plans) {
      const { service, type } = plan;
      service.instance = plan.provided ?? (Reflect.construct(type as ConcreteType, this.#arguments(plan.dependencies)) as object);
      this.#built.push(plan);
      // No functions, no binding: plain classes and provided values are left as they are.
      const functions = this.ambient.functions.get(type)!;
      if (functions.size > 0) bind(service.instance, { invoker: this.ambient.invoker, functions });
    }
    const real = new Map([...this.#standIns].map(([stand, plan]) => [stand, plan.service.instance!]));
    for (const { service } of real.size === 0 ? [] : plans.values()) replaceStandIns(service.instance!, real);
  }

  /**
   * What a key stands for in this app: the instance of a class (or of the one listed class that extends it), the value of a
   * token, the app itself; undefined if there is none.
   */
  resolve(key: Key): unknown {
    const found = this.#inspection.parts.resolver.find(key);
    if (found.kind === 'value') return found.value;
    if (found.kind === 'app') return this.#app;
    return found.kind === 'service' ? this.#inspection.parts.plans.get(found.type)?.service.instance : undefined;
  }

  /** The service of a class, of the one listed class that extends it, or of an instance given by `provide`. */
  service(type: Type): RegisteredService | undefined {
    const { plans, resolver } = this.#inspection.parts;
    const exact = plans.get(type);
    if (exact !== undefined) return exact.service;
    const found = resolver.find(type);
    if (found.kind === 'service') return plans.get(found.type)?.service;
    return found.kind === 'value' ? [...plans.values()].find(({ provided }) => provided === found.value)?.service : undefined;
  }

  functionOf(type: Type, method: string): RegisteredFunction | undefined {
    return this.service(type)?.functions.get(method);
  }

  /**
   * Disposes the services that the app constructed, in reverse order; values of `provide` are the caller's. All are tried.
   * @throws what a disposal throws; an AggregateError if several do
   */
  dispose(): Promise<void> {
    return (this.#disposal ??= this.#dispose());
  }

  async #dispose(): Promise<void> {
    const errors: unknown[] = [];
    for (const { service, provided } of this.#built.toReversed()) {
      if (provided !== undefined) unbind(provided);
      else await disposeOf(service.instance as Partial<AsyncDisposable & Disposable>).catch((error: unknown) => errors.push(error));
    }
    if (errors.length > 1) throw new AggregateError(errors, 'several services failed to dispose');
    if (errors.length === 1) throw errors[0];
  }

  #arguments(dependencies: readonly Dependency[]): unknown[] {
    const values: unknown[] = [];
    for (const dependency of dependencies) values[dependency.index] = this.#value(dependency);
    return values;
  }

  #value(dependency: Dependency): unknown {
    const { order, plans } = this.#inspection.parts;
    const { source } = dependency;
    if (source.kind === 'value') return source.value;
    if (source.kind === 'app') return this.#app;
    const plan = planOf(dependency, plans);
    if (plan === undefined) return undefined;
    return order.standIns.has(dependency) ? this.#standIn(plan) : plan.service.instance;
  }

  #standIn(plan: Plan): object {
    const stand = standIn(plan.type, () => plan.service.instance ?? tooEarly(plan));
    this.#standIns.set(stand, plan);
    return stand;
  }
}

async function disposeOf(instance: Partial<AsyncDisposable & Disposable>): Promise<void> {
  if (typeof instance[Symbol.asyncDispose] === 'function') await instance[Symbol.asyncDispose]!();
  else if (typeof instance[Symbol.dispose] === 'function') instance[Symbol.dispose]!();
}

function tooEarly({ type }: Plan): never {
  const name = keyName(type);
  raise(
    'DEPENDENCY',
    { path: [name], problem: 'circular' },
    { message: `${name} was used in a constructor before it was constructed: it is part of a cycle, so use it in methods only` },
  );
}
