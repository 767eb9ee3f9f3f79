/**
 * One history as a file that is kept with the code. Two exports of one workflow are the same, byte by byte, and two runs of one workflow differ
 * only in what they recorded: times and executors are left out, the order in which results were delivered is kept as a number.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Apiary } from '@apiary/core';
import { apiaryError, checkId, runningOf, type RecordRow, type StepKind, type StoredWorkflow } from '@apiary/core/internal';
import { byStepId, type History } from './history.js';

const format = 'apiary history';
const version = 1;

/** A text of the codec as the JSON that it is; as a text where writing it anew would change it. */
type Stored = { readonly json: unknown } | { readonly text: string } | null;
interface StepInFile {
  readonly stepId: string;
  readonly name: string;
  readonly kind: StepKind;
  readonly inputHash: string | null;
  /** Which result the body was given first, second, ... */
  readonly order: number;
  readonly output: Stored;
  readonly error: Stored;
}
interface File {
  readonly format: typeof format;
  readonly version: number;
  readonly workflowId: string;
  readonly name: string;
  readonly status: StoredWorkflow['status'];
  readonly input: Stored;
  readonly output: Stored;
  readonly error: Stored;
  readonly steps: readonly StepInFile[];
}

/**
 * Writes the history of a workflow to a file, for `replayCheck`. It holds the input, the outcome and what the steps gave, nothing else: look
 * through it for secrets before you commit it. Children are workflows of their own: export them by their ids.
 * @throws NOT_FOUND; CONFIG if the id is that of a direct call, which has no body to replay; what the file system throws
 */
export async function exportHistory(app: Apiary, workflowId: string, file: string | URL): Promise<void> {
  checkId(workflowId);
  const { store } = runningOf(app).executor;
  // The records first: those of a running workflow may grow, and an outcome without its records would not fit.
  const workflow = await store.untilAnswered((s) => s.workflow(workflowId));
  if (workflow === undefined) throw apiaryError('NOT_FOUND', { workflowId }, { workflowId });
  if (workflow.kind !== 'workflow') throw apiaryError('CONFIG', { path: 'workflowId', problem: `is a direct call of the ${workflow.kind} ${workflow.name}` });
  const records = await store.untilAnswered((s) => s.records([workflowId]));
  await writeFile(file, `${JSON.stringify(fileOf(workflow, records), undefined, 2)}\n`);
}

/** @throws CONFIG if it is no history, or one that a later release wrote */
export async function readHistory(file: string | URL): Promise<History> {
  const path = file instanceof URL ? fileURLToPath(file) : file;
  const refuse = (problem: string, cause?: unknown): Error => apiaryError('CONFIG', { path, problem }, { cause });
  let parsed: File;
  try {
    parsed = JSON.parse(await readFile(file, 'utf8')) as File;
  } catch (error) {
    throw refuse('cannot be read as a history', error);
  }
  if (parsed?.format !== format || !Array.isArray(parsed.steps)) throw refuse('is no history: exportHistory writes them');
  if (parsed.version !== version) throw refuse(`is a history of version ${parsed.version}, and this release reads version ${version}`);
  return {
    workflow: {
      workflowId: parsed.workflowId,
      name: parsed.name,
      kind: 'workflow',
      status: parsed.status,
      input: textOf(parsed.input),
      inputHash: null,
      output: textOf(parsed.output),
      error: textOf(parsed.error),
    },
    records: parsed.steps.map((step) => recordOf(parsed.workflowId, step)).sort(byStepId),
  };
}

function fileOf(workflow: StoredWorkflow, records: readonly RecordRow[]): File {
  const order = new Map([...records].sort((a, b) => placeOf(a) - placeOf(b) || byStepId(a, b)).map((record, index) => [record.stepId, index + 1]));
  return {
    format,
    version,
    workflowId: workflow.workflowId,
    name: workflow.name,
    status: workflow.status,
    input: stored(workflow.input),
    output: stored(workflow.output),
    error: stored(workflow.error),
    steps: [...records].sort(byStepId).map((record) => ({
      stepId: record.stepId,
      name: record.name,
      kind: record.kind,
      inputHash: record.inputHash,
      order: order.get(record.stepId) ?? 0,
      // When a sleep ends is told by its place in the order.
      output: record.kind === 'sleep' ? null : stored(record.output),
      error: stored(record.error),
    })),
  };
}

function recordOf(workflowId: string, step: StepInFile): RecordRow {
  return {
    workflowId,
    stepId: step.stepId,
    name: step.name,
    kind: step.kind,
    inputHash: step.inputHash,
    output: step.kind === 'sleep' ? '0' : textOf(step.output),
    error: textOf(step.error),
    attempts: 1,
    childId: null,
    executorId: '',
    epoch: 1,
    startedAt: step.order,
    completedAt: step.order,
  };
}

/** Microseconds; a sleep is delivered when it ends. */
function placeOf({ kind, completedAt, output }: RecordRow): number {
  return kind === 'sleep' ? Math.max(completedAt, Number(output) * 1000) : completedAt;
}

function stored(text: string | null): Stored {
  if (text === null) return null;
  const json: unknown = JSON.parse(text);
  return JSON.stringify(json) === text ? { json } : { text };
}

function textOf(value: Stored): string | null {
  if (value === null || value === undefined) return null;
  return 'text' in value ? value.text : JSON.stringify(value.json);
}
