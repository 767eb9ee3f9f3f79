/** Rows as users see them. A row that cannot be decoded does not break a list: its value is the error. */
import type { Codec } from '../codec/codec.js';
import type { RecordRow } from '../executor/rows.js';
import type { StoredWorkflow } from '../store/statements/read.js';
import type { StepInfo, WorkflowInfo, WorkflowSummary } from './types.js';

export function summaryOf(row: StoredWorkflow): WorkflowSummary {
  return {
    workflowId: row.workflowId,
    name: row.name,
    status: row.status,
    createdAt: new Date(row.createdAt),
    updatedAt: new Date(row.updatedAt),
    version: row.version,
    recoveries: row.recoveries,
    ...(row.executorId === null ? {} : { executorId: row.executorId }),
    ...(row.parentId === null ? {} : { parentId: row.parentId }),
    ...(row.deadline === null ? {} : { deadline: new Date(row.deadline) }),
    ...(row.wakeAt === null ? {} : { wakeAt: new Date(row.wakeAt) }),
  };
}

export function infoOf(codec: Codec, row: StoredWorkflow): WorkflowInfo {
  const base = { ...summaryOf(row), input: (decoded(() => codec.decode(row.input)) ?? []) as readonly unknown[] };
  if (row.status === 'SUCCESS') return { ...base, status: row.status, output: decoded(() => codec.decode(row.output)) };
  if (row.status === 'ERROR' || row.status === 'DEAD')
    return { ...base, status: row.status, error: decoded(() => codec.decodeError(row.error ?? '')) as Error };
  return { ...base, status: row.status };
}

/** The steps in the order of their ids; a direct call of a step shows as its one step. */
export function stepsOf(codec: Codec, row: StoredWorkflow, records: readonly RecordRow[]): StepInfo[] {
  if (row.kind !== 'workflow' && row.status !== 'PENDING') {
    return [
      {
        stepId: '0',
        name: row.name,
        kind: row.kind,
        attempts: 1,
        startedAt: new Date(row.createdAt),
        completedAt: new Date(row.updatedAt),
        ...(row.status === 'SUCCESS'
          ? { output: decoded(() => codec.decode(row.output)) }
          : { error: decoded(() => codec.decodeError(row.error ?? '')) as Error }),
      },
    ];
  }
  return [...records]
    .sort((a, b) => compareStepIds(a.stepId, b.stepId))
    .map((r) => ({
      stepId: r.stepId,
      name: r.name,
      kind: r.kind,
      attempts: r.attempts,
      startedAt: new Date(r.startedAt / 1000),
      completedAt: new Date(r.completedAt / 1000),
      ...(r.error === null ? { output: decoded(() => codec.decode(r.output)) } : { error: decoded(() => codec.decodeError(r.error as string)) as Error }),
      ...(r.childId === null ? {} : { childId: r.childId }),
    }));
}

/** '9' before '10', '4/1/0' between '4' and '5'. */
export function compareStepIds(a: string, b: string): number {
  const left = a.split('/').map(Number);
  const right = b.split('/').map(Number);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? -1) - (right[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

function decoded(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    return error;
  }
}
