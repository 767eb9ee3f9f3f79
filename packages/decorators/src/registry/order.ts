/** The order of construction, and where a cycle is wanted. */
import { keyName, type Dependency, type Plan, type Plans } from './plan.js';
import type { Problems } from './problems.js';

export interface Order {
  /** Each after what it needs. */
  readonly plans: readonly Plan[];
  /** Dependencies that get a stand-in, because they close a cycle. */
  readonly standIns: ReadonlySet<Dependency>;
}

/**
 * A dependency named by `@Inject(() => Class)` is a stand-in only inside a cycle; else the instance itself is there in time.
 * A cycle of other dependencies is noted as circular.
 */
export function orderOf(plans: Plans, problems: Problems): Order {
  const components = componentsOf(plans);
  const standIns = new Set<Dependency>();
  for (const plan of plans.values()) {
    for (const dependency of plan.dependencies) {
      const needed = planOf(dependency, plans);
      if (dependency.isLazy && needed !== undefined && components.get(needed) === components.get(plan)) standIns.add(dependency);
    }
  }
  const ordered: Plan[] = [];
  const state = new Map<Plan, 'open' | 'done'>();
  const visit = (plan: Plan, stack: readonly Plan[]): void => {
    if (state.get(plan) === 'done') return;
    if (state.get(plan) === 'open') return noteCircle([...stack.slice(stack.indexOf(plan)), plan], problems);
    state.set(plan, 'open');
    for (const dependency of plan.dependencies) {
      const needed = planOf(dependency, plans);
      if (needed !== undefined && !standIns.has(dependency)) visit(needed, [...stack, plan]);
    }
    state.set(plan, 'done');
    ordered.push(plan);
  };
  for (const plan of plans.values()) visit(plan, []);
  return { plans: ordered, standIns };
}

export function planOf(dependency: Dependency, plans: Plans): Plan | undefined {
  const { source } = dependency;
  if (source.kind === 'service') return plans.get(source.type);
  if (source.kind !== 'value') return undefined;
  for (const plan of plans.values()) if (plan.provided !== undefined && plan.provided === source.value) return plan;
  return undefined;
}

function noteCircle(circle: readonly Plan[], problems: Problems): void {
  const path = circle.map((plan) => keyName(plan.type));
  const [from = '', to = ''] = path;
  const remedy = `If the cycle is wanted, break it in one place: @Inject(() => ${to}) name: Lazy<${to}>`;
  problems.addDependency({ path, kind: 'circular', where: from, text: `${from} needs itself by way of ${path.slice(1).join(' -> ')}`, remedy });
}

/** Strongly connected components (Tarjan): plans that need each other share a number. */
function componentsOf(plans: Plans): ReadonlyMap<Plan, number> {
  const index = new Map<Plan, number>();
  const low = new Map<Plan, number>();
  const component = new Map<Plan, number>();
  const stack: Plan[] = [];
  const visit = (plan: Plan): void => {
    const mine = index.size;
    index.set(plan, mine);
    low.set(plan, mine);
    stack.push(plan);
    for (const dependency of plan.dependencies) {
      const needed = planOf(dependency, plans);
      if (needed === undefined || component.has(needed)) continue;
      if (!index.has(needed)) visit(needed);
      low.set(plan, Math.min(low.get(plan)!, low.get(needed)!));
    }
    if (low.get(plan) !== mine) return;
    for (let member = stack.pop(); member !== undefined; member = member === plan ? undefined : stack.pop()) component.set(member, mine);
  };
  for (const plan of plans.values()) if (!index.has(plan)) visit(plan);
  return component;
}
