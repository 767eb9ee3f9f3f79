/** Which shape is checked with which faults. */
import type { Shape, ShapeName, BudgetName } from './shapes.js';
import { budgets, shapes } from './shapes.js';

export type Pair = readonly [ShapeName, BudgetName];

const common: readonly BudgetName[] = ['own', 'crashes', 'zombie', 'database', 'cancel', 'resume', 'errors', 'failures', 'shutdown', 'failover'];

/** All that is checked by `clean`; most of it within its bound. */
export function allPairs(): Pair[] {
  return (Object.keys(shapes) as ShapeName[]).flatMap((shape) => budgetsOf(shape).map((b): Pair => [shape, b]));
}

function budgetsOf(name: ShapeName): readonly BudgetName[] {
  const shape: Shape = shapes[name];
  if (name.startsWith('poison')) return ['poison', 'poison, resume'];
  if (shape.processes === 3) return ['own', 'crashes', 'takeovers'];
  return common;
}

/** Small enough for every commit: about a hundred scenarios. */
export function smallPairs(): Pair[] {
  const known = new Set(Object.keys(budgets));
  return Object.entries(small).flatMap(([shape, list]) => list.split(' ').map((b): Pair => {
    if (!known.has(b)) throw new Error(`no budget ${b}`);
    return [shape as ShapeName, b as BudgetName];
  }));
}

const small: Partial<Record<ShapeName, string>> = {
  'W': 'own cancel resume errors database',
};
