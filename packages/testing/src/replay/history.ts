/** One workflow with its records, as a replay takes it. */
import type { RecordRow, StoredWorkflow } from '@apiary/core/internal';

export interface History {
  readonly workflow: Pick<StoredWorkflow, 'workflowId' | 'name' | 'kind' | 'status' | 'input' | 'inputHash' | 'output' | 'error'>;
  /** In the order of their step ids. */
  readonly records: readonly RecordRow[];
}

export function byStepId(a: { readonly stepId: string }, b: { readonly stepId: string }): number {
  return Number(a.stepId) - Number(b.stepId);
}
