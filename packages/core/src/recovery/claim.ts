import type { Executor } from '../executor/executor.js';
import type { StoredWorkflow } from '../store/statements/read.js';

/** Claims workflows of a superseded executor whose connections are gone, reads their records, and runs them here. */
export async function claimBatch(executor: Executor, from: string, size: number, which: 'first' | 'again'): Promise<readonly StoredWorkflow[]> {
  const { rows } = await executor.owning<StoredWorkflow>('claim', (me) => [from, me, size, which, executor.clock.offsetMs]);
  if (rows.length === 0) return rows;
  executor.probe('takeover:claimed', { executorId: from, workflowIds: rows.map((row) => row.workflowId) });
  try {
    executor.lifecycle.adopt(await executor.store.withRecords(rows));
  } catch (error) {
    executor.lifecycle.adoptSoon(); // they are this executor's now
    throw error;
  }
  return rows;
}
