import { legible } from './legible.js';
import type { Run } from './run.js';
import type { Outcome } from './rows.js';

/** Deeper than that nobody wraps errors; a chain may be a circle. */
const deepest = 16;

/** An error as an outcome: CANCELLED for the workflow's own cancellation or deadline, also where the body wrapped it in an error of its own, else ERROR. */
export function failure(run: Run, error: unknown): Outcome {
  const interruption = interruptionIn(run, error);
  return { status: interruption === undefined ? 'ERROR' : 'CANCELLED', output: null, error: run.executor.codec.encodeError(interruption ?? error) };
}

function interruptionIn(run: Run, thrown: unknown): unknown {
  let error = thrown;
  for (let depth = 0; depth < deepest && error instanceof Error; depth++) {
    if (run.isOwnInterruption(error)) return error;
    error = legible(error.cause);
  }
  return undefined;
}
