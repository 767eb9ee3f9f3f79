/** Runs the body of a workflow, or the one step of a direct call, and makes its end an outcome. */
import { cascade } from './cascade.js';
import { direct } from './direct.js';
import { failure } from './failure.js';
import { legible } from './legible.js';
import type { Run } from './run.js';
import type { Outcome } from './rows.js';

/** Never rejects. */
export async function runBody(run: Run, target: object): Promise<void> {
  const { executor, fn } = run;
  executor.probe('run:started', { workflowId: run.workflowId, name: fn.name, epoch: run.epoch });
  if (run.isVoid) return;
  if (fn.kind !== 'workflow') return direct(run, target);
  let outcome: Outcome;
  try {
    const value = await run.enter(() => executor.bodyOf(fn).apply(target, run.input.take() as never[]));
    outcome = { status: 'SUCCESS', output: executor.codec.encode(value, 'result'), error: null };
  } catch (error) {
    outcome = failure(run, legible(error));
  }
  if (run.isVoid) return;
  executor.probe('run:returned', { workflowId: run.workflowId, name: fn.name });
  if (run.isVoid) return;
  run.state = 'ending';
  const floating = [...run.open][0];
  if (floating !== undefined) {
    run.giveUpWaits();
    await run.drained();
    if (run.isVoid) return;
    // An error of the body is the outcome, though a sibling of what failed was still under way.
    if (outcome.status === 'SUCCESS') outcome = failure(run, run.floating(floating));
  }
  if (run.poisoned !== undefined) outcome = failure(run, run.poisoned);
  if (outcome.status === 'CANCELLED' && !(await cascade(run))) return;
  await executor.lifecycle.finish(run, outcome);
}
