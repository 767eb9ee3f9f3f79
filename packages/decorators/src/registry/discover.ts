/** Finds all services: those given, and what they need by their constructors. */
import { emittedTypes, functionMetadata, injectKeys, serviceMetadata, type InjectKey } from '../metadata.js';
import { constructorOf, type Constructor, type Parameter } from '../source/class.js';
import { isNative, type Sources } from '../source/parse.js';
import type { ConcreteType, Type } from '../types.js';
import { isType, keyName, ServiceEntry, type Dependency, type Key, type Plan, type Plans, type Source } from './plan.js';
import type { DependencyIssue, Problems } from './problems.js';
import type { Resolver } from './resolver.js';

/** What to do where the compiler emitted no types. */
export const emitRemedy =
  'Compile with tsc or SWC and `emitDecoratorMetadata` ("extends": "@apiary/core/tsconfig.json"); esbuild, tsx and vitest emit no types';

interface Site {
  readonly type: Type;
  readonly path: readonly string[];
  readonly parameter: Parameter | undefined;
  readonly index: number;
}

/**
 * Plans in the order of discovery; a class whose constructor is not understood gets a plan without dependencies, and its
 * problem is noted.
 */
export function discover(services: readonly ConcreteType[], resolver: Resolver, sources: Sources, problems: Problems): Plans {
  const discovery = new Discovery(resolver, sources, problems);
  for (const type of services) discovery.visit(type as ConcreteType<object>, []);
  for (const value of resolver.provided.values()) discovery.provided(value);
  return discovery.plans;
}

class Discovery {
  readonly plans = new Map<Type, Plan>();
  readonly #resolver: Resolver;
  readonly #sources: Sources;
  readonly #problems: Problems;

  constructor(resolver: Resolver, sources: Sources, problems: Problems) {
    this.#resolver = resolver;
    this.#sources = sources;
    this.#problems = problems;
  }

  visit(type: ConcreteType<object>, above: readonly string[]): void {
    if (this.plans.has(type)) return;
    const path = [...above, keyName(type)];
    const dependencies: Dependency[] = [];
    this.plans.set(type, { type, service: new ServiceEntry(serviceName(type), type), dependencies, provided: undefined, path });
    dependencies.push(...this.#dependencies(type, path));
    for (const { source } of dependencies) if (source.kind === 'service') this.visit(source.type, path);
  }

  /** A provided instance with decorated methods is managed like a service; the caller still keeps it. */
  provided(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    const { constructor } = value as { constructor?: unknown };
    if (!isType(constructor) || this.plans.get(constructor)?.provided === value || !hasFunctions(constructor)) return;
    const type = constructor as ConcreteType<object>;
    const name = serviceName(type);
    if (this.plans.has(type)) this.#problems.add(name, 'has a second instance, given by provide', 'Give one instance, or leave it to the app');
    else this.plans.set(type, { type, service: new ServiceEntry(name, type), dependencies: [], provided: value, path: [name] });
  }

  #dependencies(type: Type, path: readonly string[]): Dependency[] {
    const written = constructorOf(type, this.#sources);
    const emitted = emittedTypes(written.type);
    if (emitted === undefined && this.#isUnreadable(written, path)) return [];
    const named = injectKeys(written.type);
    const dependencies: Dependency[] = [];
    for (let index = 0; index < Math.max(written.parameters.length, emitted?.length ?? 0); index += 1) {
      const parameter = written.parameters[index];
      if (parameter?.isRest === true) break;
      const site = { type: written.type, path, parameter, index };
      const dependency = named.has(index) ? this.#named(named.get(index)!, site) : this.#typed(emitted?.[index], site);
      if (dependency !== undefined) dependencies.push(dependency);
    }
    return dependencies;
  }

  /** Notes why the types of constructor parameters are not known; false if none is needed. */
  #isUnreadable(written: Constructor, path: readonly string[]): boolean {
    const named = injectKeys(written.type);
    if (written.parameters.every((parameter, index) => parameter.hasDefault || parameter.isRest || named.has(index))) return false;
    const name = keyName(written.type);
    if (serviceMetadata(written.type) === undefined) {
      this.#problems.add(
        `${name}.constructor`,
        'has parameters, but the class carries no @Service, so the compiler emits no types for them',
        `Add @Service() to ${name}, or give an instance with provide`,
      );
    } else {
      const text = 'the compiler emitted no types for the parameters of its constructor';
      this.#problems.addDependency({ path, kind: 'not emitted', where: name, text, remedy: emitRemedy });
    }
    return true;
  }

  #named(key: InjectKey, site: Site): Dependency | undefined {
    const isLazy = typeof key === 'function';
    const target: unknown = isLazy ? key() : key;
    if (target === undefined || target === null) {
      return this.#issue(
        site,
        'missing',
        'undefined',
        '@Inject names a class that is undefined',
        'Let its function give the class: @Inject(() => Class), and check that the file exports it',
      );
    }
    return this.#resolved(target as Key, isLazy, site);
  }

  #typed(type: unknown, site: Site): Dependency | undefined {
    const last = site.parameter?.name ?? `parameter ${site.index}`;
    if (isType(type) && (!isNative(type) || this.#resolver.provided.has(type))) return this.#resolved(type, false, site);
    if (site.parameter?.hasDefault === true) return { index: site.index, source: { kind: 'default' }, isLazy: false };
    if (type === undefined) {
      return this.#issue(site, 'missing', last, 'its class is undefined: two files import each other', 'Use @Inject(() => Class) name: Lazy<Class>');
    }
    const emitted = isType(type) ? keyName(type) : String(type);
    const cause =
      type === Function
        ? 'as functions and what `import type` brings are'
        : type === Object
          ? 'as interfaces, unions and `import type` are'
          : 'which is no class of yours';
    const remedy = 'Import the class without `type`, or name the dependency: @Inject(TOKEN) with token<T>() and provide, or @Inject(() => Class)';
    return this.#issue(site, 'untyped', last, `its type is emitted as ${emitted}, ${cause}`, remedy);
  }

  #resolved(key: Key, isLazy: boolean, site: Site): Dependency | undefined {
    const found = this.#resolver.find(key);
    const name = keyName(key);
    if (found.kind === 'ambiguous') {
      return this.#issue(
        site,
        'ambiguous',
        name,
        `${name} is met by ${found.candidates.join(' and ')}`,
        `List ${name} itself in services, name one of them by @Inject(() => Class), or use provide`,
      );
    }
    if (found.kind === 'missing') return this.#issue(site, 'missing', name, `nothing provides ${name}`, `Add [${name}, value] to provide`);
    return { index: site.index, source: this.#source(found), isLazy };
  }

  #source(found: Source): Source {
    if (found.kind !== 'value') return found;
    this.provided(found.value);
    return found;
  }

  #issue(site: Site, kind: DependencyIssue['kind'], last: string, text: string, remedy: string): undefined {
    const name = site.parameter?.name;
    const where = `${keyName(site.type)}, parameter ${site.index}${name === undefined ? '' : ` (${name})`}`;
    this.#problems.addDependency({ path: [...site.path, last], kind, where, text, remedy });
  }
}

/** The name in `@Service({ name })`, else that of the class. A wrong one is reported by the checks. */
export function serviceName(type: Type): string {
  const options = serviceMetadata(type)?.options as { name?: unknown } | undefined;
  return typeof options?.name === 'string' && options.name !== '' ? options.name : keyName(type);
}

/** Whether a class or one above it declares a decorated method. */
function hasFunctions(type: Type): boolean {
  for (let at: unknown = type.prototype; typeof at === 'object' && at !== null; at = Object.getPrototypeOf(at)) {
    const prototype = at;
    if (Object.getOwnPropertyNames(prototype).some((name) => functionMetadata(prototype, name) !== undefined)) return true;
  }
  return false;
}
