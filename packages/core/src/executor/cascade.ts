import { outcomeOf } from '../store/statements/read.js';
import type { Run } from './run.js';

/**
 * Before a cancelled workflow ends, its children do: the request to them is durable first, then they end, then their parent
 * (DESIGN 4.4). A child that ended already is not touched. Never rejects.
 * @returns false: the run goes no further here; whoever goes on with it asks them again
 */
export async function cascade(run: Run): Promise<boolean> {
  const { executor } = run;
  try {
    if (run.children !== undefined) await endChildren(run, [...run.children]);
    return !run.isVoid;
  } catch (error) {
    if (!executor.stopping) executor.lifecycle.voidRun(run, `its children could not be cancelled: ${String(error)}`);
    return false;
  }
}

/** Children that never became durable ended with their run; the others are asked through their rows. */
async function endChildren(run: Run, ids: readonly string[]): Promise<void> {
  const { executor } = run;
  await executor.management.cancel(ids);
  const rows = await executor.store.untilAnswered((store) => store.workflows(ids));
  for (const row of rows) {
    if (run.isVoid) return;
    if (outcomeOf(row) === undefined) await executor.observer.ticket(row.workflowId).outcome;
  }
}
