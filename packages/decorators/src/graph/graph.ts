/** Services by what they need, functions by what they call. */
import { decoratorName } from '../method.js';
import { serviceMetadata } from '../metadata.js';
import type { FunctionKind } from '../registered.js';
import { memberOf, type Member } from '../registry/members.js';
import { planOf } from '../registry/order.js';
import { keyName, type Plan, type Plans } from '../registry/plan.js';
import type { Problems } from '../registry/problems.js';
import type { Resolver } from '../registry/resolver.js';
import { isClassNode, parentOf } from '../source/class.js';
import type { Sources } from '../source/parse.js';
import { Calls, type Absence, type Call } from './calls.js';
import { refuse } from './refuse.js';
import { toDot, toMermaid } from './render.js';

export interface Graph {
  readonly nodes: readonly { readonly name: string; readonly kind: 'service' | FunctionKind }[];
  /** `calls` between functions, `needs` between services. */
  readonly edges: readonly { readonly from: string; readonly to: string; readonly kind: 'calls' | 'needs' }[];
  toMermaid(): string;
  toDot(): string;
}

interface Surroundings {
  readonly resolver: Resolver;
  readonly sources: Sources;
  readonly problems: Problems;
}

/** The graph of an app, in an order that depends on names only. Notes the calls that are never allowed. */
export function graphOf(plans: Plans, { resolver, sources, problems }: Surroundings): Graph {
  const analysis = new Calls(plans, sources);
  const nodes: Graph['nodes'][number][] = [];
  const edges = new Map<string, Graph['edges'][number]>();
  const connect = (from: string, to: string, kind: 'calls' | 'needs'): void => void edges.set(`${kind}\0${from}\0${to}`, { from, to, kind });
  for (const plan of plans.values()) {
    nodes.push({ name: plan.service.name, kind: 'service' });
    for (const dependency of plan.dependencies) {
      const needed = planOf(dependency, plans);
      if (needed !== undefined) connect(plan.service.name, needed.service.name, 'needs');
    }
    for (const [method, fn] of plan.service.functions) {
      nodes.push({ name: fn.name, kind: fn.kind });
      const calls: readonly Call[] = analysis.of(fn, plan, declared(plan, method, fn.metadata.isStatic));
      for (const call of calls) {
        connect(fn.name, call.to.name, 'calls');
        refuse(fn, call, problems);
      }
    }
  }
  for (const absence of analysis.absences) noteAbstract(absence, resolver, sources, problems);
  nodes.sort((a, b) => compare(a.name, b.name) || compare(a.kind, b.kind));
  const sorted = [...edges].sort(([a], [b]) => compare(a, b)).map(([, edge]) => edge);
  return { nodes, edges: sorted, toMermaid: () => toMermaid(nodes, sorted), toDot: () => toDot(nodes, sorted) };
}

function declared(plan: Plan, method: string, isStatic: boolean): Member {
  return memberOf(plan.type, method, isStatic)!;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * At run time an abstract class looks like any other. One that nobody listed, that carries no decorator and no code of its own
 * for a method that is called on it, must be one.
 */
function noteAbstract({ plan, method, caller }: Absence, resolver: Resolver, sources: Sources, problems: Problems): void {
  const node = sources.class(plan.type);
  const isBare =
    node !== undefined && isClassNode(node) && node.body.body.every((member) => member.type === 'MethodDefinition' && member.kind !== 'constructor');
  const isChosen = plan.provided !== undefined || resolver.isListed(plan.type) || serviceMetadata(plan.type) !== undefined;
  if (!isBare || isChosen || parentOf(plan.type) !== undefined) return;
  const name = keyName(plan.type);
  problems.addDependency({
    path: plan.path,
    kind: 'missing',
    where: name,
    text: `${name} has no method ${method}, which ${caller.name} (${decoratorName(caller.kind)}) calls: it seems to be abstract, and no class in services extends it`,
    remedy: `List the class that extends ${name} in services, or give an instance with provide`,
  });
}
