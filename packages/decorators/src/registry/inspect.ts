/** Looks at classes before anything is constructed: what there is, what it needs, what is wrong. */
import { bindingOf } from '../binding.js';
import { graphOf, type Graph } from '../graph/graph.js';
import type { RegisteredFunction, RegisteredService } from '../registered.js';
import { Sources } from '../source/parse.js';
import { checkAll } from './checks.js';
import { discover } from './discover.js';
import { registerFunctions } from './functions.js';
import { orderOf, type Order } from './order.js';
import type { Plans } from './plan.js';
import { Problems } from './problems.js';
import { Resolver, type InspectOptions } from './resolver.js';
import { versionOf } from './version.js';

export interface Inspection {
  /** In the order of construction; without instances until `construct`. */
  readonly services: readonly RegisteredService[];
  /** By the stored name, `<service>.<method>`. */
  readonly functions: ReadonlyMap<string, RegisteredFunction>;
  readonly graph: Graph;
  readonly version: string;
  /** @internal */
  readonly parts: Parts;
}
/** What `construct` goes on with. */
export interface Parts {
  readonly plans: Plans;
  readonly order: Order;
  readonly resolver: Resolver;
  readonly appValue: unknown;
}

/**
 * Finds all services from those given and what their constructors need, and checks them. Constructs nothing.
 * @throws DEPENDENCY if a constructor parameter cannot be met; REGISTRATION with every problem of decorated classes; CONFIG for
 * a malformed `provide`
 */
export function inspect(options: InspectOptions): Inspection {
  const problems = new Problems();
  const sources = new Sources();
  const resolver = new Resolver(options);
  const plans = discover(options.services, resolver, sources, problems);
  const order = orderOf(plans, problems);
  for (const plan of plans.values()) registerFunctions(plan, sources, problems);
  checkAll(plans, sources, problems);
  checkProvided(plans, problems);
  const graph = graphOf(plans, { resolver, sources, problems });
  problems.throwIfAny();

  const services = order.plans.map(({ service }) => service);
  const functions = new Map(services.flatMap((service) => [...service.functions.values()].map((fn) => [fn.name, fn] as const)));
  return { services, functions, graph, version: versionOf(functions.values()), parts: { plans, order, resolver, appValue: options.app?.value } };
}

function checkProvided(plans: Plans, problems: Problems): void {
  for (const { service, provided } of plans.values()) {
    if (bindingOf(provided) !== undefined)
      problems.add(service.name, 'the instance given by provide belongs to another running app', 'Give each app an instance of its own');
  }
}
