import type { Apiary } from '@apiary/core';
import { runningOf, type Running } from '@apiary/core/internal';

/**
 * Ends an executor as SIGKILL would: nothing more of it reaches the database, its lease is not given back, and whoever awaits one of its
 * workflows in this process waits for ever, as a killed process would.
 */
export function crash(app: Apiary): Promise<void> {
  return crashRunning(runningOf(app));
}

/** The same of what is behind an app. All that matters happens at once; the promise is for what is left to be closed. */
export async function crashRunning({ executor, poll, unguard }: Running): Promise<void> {
  executor.stopping = true;
  unguard();
  const { connections } = executor.store;
  connections.cut();
  const dead = connections.close();
  for (const run of executor.lifecycle.running) run.park();
  executor.barrier.close();
  executor.readers.close();
  executor.observer.close();
  executor.notifications.close();
  executor.store.close();
  executor.clock.close();
  void poll.stop();
  await dead.catch(() => {});
}
