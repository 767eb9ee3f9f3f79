import type { Run } from './run.js';

/**
 * Before a cancelled workflow ends, its children do: the request to them is durable first, then they end, then their parent
 * (DESIGN 4.4). A child that ended already is not touched.
 */
export async function cascade(run: Run): Promise<void> {
  if (run.children === undefined) return;
  const { executor } = run;
  // Children that never became durable ended with their run; the others are asked through their rows.
  const ids = [...run.children];
  await executor.management.cancel(ids);
  const rows = await executor.store.untilAnswered((store) => store.workflows(ids));
  for (const row of rows) {
    if (run.isVoid) return;
    if (row.status === 'PENDING' || row.status === 'ENQUEUED' || row.status === 'DELAYED') await executor.observer.ticket(row.workflowId).outcome;
  }
}
