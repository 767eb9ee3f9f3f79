import type { Apiary } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';

/**
 * Ends an executor as SIGKILL would: nothing more of it reaches the database, its lease is not given back, and whoever awaits one of its
 * workflows in this process waits for ever, as a killed process would.
 */
export async function crash(app: Apiary): Promise<void> {
  const { executor, poll } = runningOf(app);
  executor.stopping = true;
  const { connections } = executor.store;
  const dead = connections.close();
  for (const run of [...executor.lifecycle.running]) run.park();
  executor.barrier.close();
  executor.observer.close();
  executor.notifications.close();
  executor.store.close();
  executor.clock.close();
  void poll.stop();
  await dead.catch(() => {});
}
