/** Reads of the engine's rows. None of them is ever sent inside a user's transaction (DESIGN L11). */
import type { FunctionKind } from '@apiary/decorators/internal';
import type { Outcome, TerminalStatus } from '../../executor/rows.js';
import type { WorkflowStatus } from '../../workflows/types.js';
import type { Names } from '../schema/names.js';

export interface StoredWorkflow {
  readonly workflowId: string;
  readonly name: string;
  readonly kind: FunctionKind;
  readonly status: WorkflowStatus;
  readonly input: string | null;
  readonly inputHash: string | null;
  readonly output: string | null;
  readonly error: string | null;
  readonly executorId: string | null;
  readonly epoch: number;
  readonly version: string;
  readonly attempts: number;
  readonly recoveries: number;
  readonly parentId: string | null;
  readonly rootId: string | null;
  readonly deadline: number | null;
  readonly wakeAt: number | null;
  readonly cancelRequested: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

const terminal: readonly string[] = ['SUCCESS', 'ERROR', 'CANCELLED', 'DEAD'] satisfies TerminalStatus[];

/** How a workflow ended; undefined: it has not. */
export function outcomeOf({ status, output, error }: StoredWorkflow): Outcome | undefined {
  return terminal.includes(status) ? { status: status as TerminalStatus, output, error } : undefined;
}

const ms = (column: string, as: string): string => `(extract(epoch from ${column}) * 1000)::float8 as "${as}"`;

/** Column list of a workflow; `w` names the table in the statement. */
export const workflowColumns = [
  'w.workflow_id as "workflowId"',
  'w.name',
  'w.kind',
  'w.status',
  'w.input',
  'w.input_hash as "inputHash"',
  'w.output',
  'w.error',
  'w.executor_id as "executorId"',
  'w.epoch',
  'w.app_version as version',
  'w.attempts',
  'w.recoveries',
  'w.parent_id as "parentId"',
  'w.root_id as "rootId"',
  ms('w.deadline', 'deadline'),
  ms('w.wake_at', 'wakeAt'),
  'w.cancel_requested as "cancelRequested"',
  ms('w.created_at', 'createdAt'),
  ms('w.updated_at', 'updatedAt'),
].join(', ');

/** Column list of a record, which is read as it was written. */
const recordColumns = [
  'f.workflow_id as "workflowId"',
  'f.step_id as "stepId"',
  'f.name',
  'f.kind',
  'f.input_hash as "inputHash"',
  'f.output',
  'f.error',
  'f.attempts',
  'f.child_id as "childId"',
  'f.executor_id as "executorId"',
  'f.epoch',
  'f.started_at::float8 as "startedAt"',
  'f.completed_at::float8 as "completedAt"',
].join(', ');

export const reads = (names: Names) => ({
  workflows: `select ${workflowColumns} from ${names.workflow} w where w.workflow_id = any($1::text[])`,
  terminal: `select ${workflowColumns} from ${names.workflow} w where w.workflow_id = any($1::text[]) and w.status in (${terminal.map((status) => `'${status}'`).join(', ')})`,
  records: `select ${recordColumns} from ${names.history} f where f.workflow_id = any($1::text[])`,
  /** Is the second workflow an ancestor of the first? */
  isAncestor: `with recursive up as (
      select workflow_id, parent_id from ${names.workflow} where workflow_id = $1
      union select w.workflow_id, w.parent_id from ${names.workflow} w join up on w.workflow_id = up.parent_id)
    select exists (select 1 from up where workflow_id = $2) as found`,
  /** Children by the records of the workflow: those it called or started. */
  children: `select distinct child_id as "childId" from ${names.history} where workflow_id = any($1::text[]) and child_id is not null`,
});
