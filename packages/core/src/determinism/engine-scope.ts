/** What the engine does on behalf of a workflow's body is not the body's doing: its clock, timers, randomness and connections are its own. */
import { context } from '../context.js';

let guards = 0;

/** Whether any app of this process has its bodies guarded. Where none has, nothing here costs anything. */
export function bodiesAreGuarded(): boolean {
  return guards > 0;
}

/** How many apps have. */
export function countGuards(by: 1 | -1): number {
  return (guards += by);
}

/** Runs work of the engine, and what follows from it; a body that it begins is guarded again. */
export function asEngine<T>(work: () => T): T {
  if (guards === 0) return work();
  const scope = context.getStore();
  return scope?.kind !== 'workflow' || scope.isEngine === true ? work() : context.run({ ...scope, isEngine: true }, work);
}
