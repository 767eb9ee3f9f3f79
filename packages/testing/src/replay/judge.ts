/** Compares what a body called with what its history says. */
import { isApiaryError } from '@apiary/core';
import { lineOf, type Codec } from '@apiary/core/internal';
import { byStepId, type History } from './history.js';
import type { ReplayedRun } from './replayed-run.js';

export interface ReplayProblem {
  readonly workflowId: string;
  readonly stepId: string;
  readonly recorded: string;
  readonly called: string;
  readonly line: string;
}

/** Call by call as the engine does, then what was not called, then what was called beyond the end. */
export function judge(codec: Codec, history: History, run: ReplayedRun): ReplayProblem | undefined {
  const { workflow, records } = history;
  const { workflowId } = workflow;
  const at = (stepId: string | undefined): string => lineOf(run.called.get(stepId ?? '')?.stack ?? '', workflow.name);
  if (isApiaryError(run.poisoned, 'NONDETERMINISM')) {
    const { stepId, recorded, called } = run.poisoned.details;
    return { workflowId, stepId, recorded, called, line: at(stepId) };
  }
  const missed = [...records].sort(byStepId).find(({ stepId }) => !run.called.has(stepId));
  const last = Math.max(-1, ...records.map(({ stepId }) => Number(stepId)));
  if (missed !== undefined && !isInGap(run, last)) {
    return { workflowId, stepId: missed.stepId, recorded: missed.name, called: `nothing: ${endOf(codec, run)}`, line: at([...run.called.keys()].at(-1)) };
  }
  if (!hasEndOfItsOwn(codec, history)) return undefined;
  const beyond = run.unrecorded.find(({ stepId }) => Number(stepId) > last);
  if (beyond !== undefined) {
    return { workflowId, stepId: beyond.stepId, recorded: `nothing: the workflow ended in ${workflow.status}`, called: beyond.name, line: at(beyond.stepId) };
  }
  if (run.outcome !== undefined || run.unrecorded.length > 0) return undefined;
  return {
    workflowId,
    stepId: String(last + 1),
    recorded: `nothing: the workflow ended in ${workflow.status}`,
    called: endOf(codec, run),
    line: at(String(last)),
  };
}

/** It waits for a call that has no record, though later ones have: that call was refused or interrupted, which nothing records. */
function isInGap(run: ReplayedRun, last: number): boolean {
  return run.outcome === undefined && run.unrecorded.some(({ stepId }) => Number(stepId) < last);
}

function endOf(codec: Codec, run: ReplayedRun): string {
  const { outcome } = run;
  if (outcome === undefined) return 'the body waits for something that is no step';
  if (outcome.error === null) return 'the workflow returned';
  const error = codec.decodeError(outcome.error);
  return `the workflow threw ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
}

/** Errors with which the engine may end a body at a call that it does not record. */
const refusals = ['NONDETERMINISM', 'CONFLICT', 'FORBIDDEN_CALL', 'NOT_A_FUNCTION', 'NOT_RECORDABLE', 'PAYLOAD_TOO_LARGE', 'FLOATING_CALL'] as const;

/** Whether the body came to its end, so that nothing more may be called. */
function hasEndOfItsOwn(codec: Codec, { workflow }: History): boolean {
  if (workflow.status === 'SUCCESS') return true;
  return workflow.status === 'ERROR' && !isApiaryError(codec.decodeError(workflow.error ?? ''), ...refusals);
}
