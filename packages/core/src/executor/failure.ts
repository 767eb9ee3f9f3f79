import type { Run } from './run.js';
import type { Outcome } from './rows.js';

/** An error as an outcome: CANCELLED for the workflow's own cancellation or deadline, else ERROR. */
export function failure(run: Run, error: unknown): Outcome {
  const status = run.isOwnInterruption(error) ? 'CANCELLED' : 'ERROR';
  return { status, output: null, error: run.executor.codec.encodeError(error) };
}
