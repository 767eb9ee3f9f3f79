import type { Anomaly } from './anomaly.js';
import { compareSteps, readStepElement, type Element } from './history.js';

/** In each list, the elements of one workflow's steps must stand in the order in which the workflow runs its steps. */
export function checkProgramOrder(lists: ReadonlyMap<Element, readonly Element[]>): Anomaly[] {
  const found: Anomaly[] = [];
  for (const [key, list] of lists) {
    const earlier = new Map<string, { stepId: string; value: Element }[]>();
    for (const value of list) {
      const source = readStepElement(value);
      if (source === undefined) continue;
      const steps = earlier.get(source.workflowId) ?? [];
      const after = steps.find((step) => compareSteps(step.stepId, source.stepId) > 0);
      if (after !== undefined) {
        const detail = `in ${String(key)}, ${String(value)} stands after ${String(after.value)}, a later step of the same workflow`;
        found.push({ kind: 'program order', key, transactions: [], detail });
      }
      steps.push({ stepId: source.stepId, value });
      earlier.set(source.workflowId, steps);
    }
  }
  return found;
}
