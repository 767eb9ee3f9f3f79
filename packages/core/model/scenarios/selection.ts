/** Which shape is checked with which faults. */
import type { Shape, ShapeName, BudgetName } from './shapes.js';
import { shapes } from './shapes.js';
import { small } from './small.js';

export type Pair = readonly [ShapeName, BudgetName];

const one: readonly BudgetName[] = ['none', 'a crash', 'a cut', 'a 40001', 'a stop', 'a database crash', 'a cancel', 'a shutdown', 'a failover'];

const several: readonly BudgetName[] = ['own', 'crashes', 'zombie', 'database', 'cancel', 'resume', 'errors', 'failures', 'shutdown', 'failover'];

/** All that is checked by `clean`; most of it within its bound. */
export function allPairs(): Pair[] {
  return (Object.keys(shapes) as ShapeName[]).flatMap((shape) => budgetsOf(shape).map((b): Pair => [shape, b]));
}

function budgetsOf(name: ShapeName): readonly BudgetName[] {
  const shape: Shape = shapes[name];
  if (name.startsWith('poison')) return ['none', 'a cut', 'a 40001', 'poison, resume'];
  if (shape.processes === 3) return [...one, 'own', 'crashes', 'takeovers'];
  return [...one, ...several];
}

/** Small enough for every commit. */
export const smallPairs = (): Pair[] => (Object.keys(small) as ShapeName[]).flatMap((shape) => (small[shape] ?? []).map((faults): Pair => [shape, faults]));
