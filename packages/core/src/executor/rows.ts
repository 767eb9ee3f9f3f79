/** The rows of the engine on their way to the database. */
import type { FunctionKind } from '@apiary/decorators/internal';

export type StepKind = 'transaction' | 'procedure' | 'communicator' | 'workflow' | 'sleep' | 'value';
export type TerminalStatus = 'SUCCESS' | 'ERROR' | 'CANCELLED' | 'DEAD';

/** How a workflow ended, as stored: texts of the codec, null for undefined (output) and for none (error). */
export interface Outcome {
  readonly status: TerminalStatus;
  readonly output: string | null;
  readonly error: string | null;
}

/** A new row of workflow_status. With an outcome it is inserted complete. */
export interface StartRow {
  readonly workflowId: string;
  readonly name: string;
  readonly kind: FunctionKind;
  readonly input: string | null;
  readonly inputHash: string;
  readonly executorId: string;
  readonly epoch: number;
  readonly version: string;
  readonly parentId: string | null;
  readonly rootId: string | null;
  /** Milliseconds since the epoch. */
  readonly deadline: number | null;
  readonly outcome: Outcome | null;
  /** Records that travel in the row, in the form of fold-records.ts. */
  readonly records: string | null;
}

/** A new record. Times in microseconds since the epoch; `completedAt` is unique in its run and gives the order of delivery. */
export interface RecordRow {
  readonly workflowId: string;
  readonly stepId: string;
  readonly name: string;
  readonly kind: StepKind;
  readonly inputHash: string | null;
  readonly output: string | null;
  readonly error: string | null;
  readonly attempts: number;
  readonly childId: string | null;
  readonly executorId: string;
  readonly epoch: number;
  readonly startedAt: number;
  readonly completedAt: number;
}

/** The outcome of a workflow whose row exists: a conditional update. */
export interface OutcomeRow extends Outcome {
  readonly workflowId: string;
  readonly executorId: string;
  readonly epoch: number;
}

/** Parks a workflow whose row exists or is inserted in the same cargo: no executor, to be woken at `wakeAt`. */
export interface ParkRow {
  readonly workflowId: string;
  readonly executorId: string;
  readonly epoch: number;
  readonly wakeAt: number;
}

/** What one carrier takes to the database in one commit. */
export interface Cargo {
  starts: StartRow[];
  records: RecordRow[];
  outcomes: OutcomeRow[];
  parks: ParkRow[];
  /** Rows of other workflows: an existing one is the wished state. */
  foreign: StartRow[];
}

export function emptyCargo(): Cargo {
  return { starts: [], records: [], outcomes: [], parks: [], foreign: [] };
}

export function weightOfStart({ input, outcome }: StartRow): number {
  return 200 + (input?.length ?? 0) + (outcome?.output?.length ?? 0) + (outcome?.error?.length ?? 0);
}

/** Bytes, roughly; for the bound on what is not flushed. */
export function weight(cargo: Cargo): number {
  let bytes = 0;
  for (const row of cargo.starts) bytes += weightOfStart(row);
  for (const row of cargo.foreign) bytes += weightOfStart(row);
  for (const row of cargo.records) bytes += 200 + (row.output?.length ?? 0) + (row.error?.length ?? 0);
  for (const row of cargo.outcomes) bytes += 100 + (row.output?.length ?? 0) + (row.error?.length ?? 0);
  return bytes;
}
