import type { StepInfo, Type, WorkflowHandle } from '@apiary/core';
import { isMethod } from './crash-points.js';
import type { Kit } from './kit.js';

const final = new Set(['SUCCESS', 'ERROR', 'CANCELLED', 'DEAD']);
const lookMs = 10;

/** The record of the nth call of a method, as soon as it is there. */
export async function reached(kit: Kit, handle: WorkflowHandle, service: Type, method: string, nth: number): Promise<StepInfo> {
  const names = new Set([...kit.running.executor.registry.functions.values()].filter((fn) => isMethod(fn, service, method)).map((fn) => fn.name));
  if (names.size === 0) throw new Error(`${service.name}.${method} is no function of this app`);
  for (;;) {
    const status = await handle.status();
    const steps = await handle.steps();
    const found = steps.filter((step) => names.has(step.name) && step.completedAt !== undefined)[nth - 1];
    if (found !== undefined) return found;
    if (final.has(status)) {
      throw new Error(
        `workflow ${handle.workflowId} ended as ${status} without call ${nth} of ${service.name}.${method}; it called: ${steps.map((step) => step.name).join(', ') || 'nothing'}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}
