import type { Executor } from '../executor/executor.js';
import type { StoredWorkflow } from '../store/statements/read.js';

/** Claims workflows of a superseded executor whose connections are gone, reads their records, and runs them here. */
export async function claimBatch(executor: Executor, from: string, size: number, which: 'first' | 'again'): Promise<readonly StoredWorkflow[]> {
  let claimed: readonly StoredWorkflow[] = [];
  try {
    await executor.lifecycle.adopt(async () => {
      claimed = (await executor.owning<StoredWorkflow>('claim', (me) => [from, me, size, which, executor.clock.offsetMs])).rows;
      if (claimed.length === 0) return [];
      executor.probe('takeover:claimed', { executorId: from, workflowIds: claimed.map((row) => row.workflowId) });
      return executor.store.withRecords(claimed);
    });
  } catch (error) {
    if (claimed.length > 0) executor.lifecycle.adoptSoon(); // they are this executor's now
    throw error;
  }
  return claimed;
}
