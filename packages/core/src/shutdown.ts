/** Ends an app in the reverse order of its launch; what runs is given back to other executors. */
import { apiaryError } from '@apiary/decorators/internal';
import { after, delay, monotonic, type Alarm } from './clock.js';
import type { ResolvedConfig } from './config.js';
import type { EmbeddedHandle } from './embedded.js';
import type { Executor } from './executor/executor.js';
import { ignore } from './executor/signals.js';
import type { Logger } from './log.js';
import type { Poll } from './recovery/poll.js';

export interface Running {
  readonly executor: Executor;
  readonly poll: Poll;
  readonly embedded: EmbeddedHandle | undefined;
  readonly config: ResolvedConfig;
  stopSignals: () => void;
  /** The app's bodies need no guard any more. */
  unguard: () => void;
}

/** A database that does not answer is not waited for longer: what is not durable was told nobody, and is done again by another executor. */
const patienceMs = 5000;
/** After the signals were aborted, a step may take this long to notice. */
const abortMs = 1000;

export async function shutdown(running: Running, graceMs: number): Promise<void> {
  try {
    await end(running, graceMs);
  } finally {
    running.unguard();
  }
}

async function end(running: Running, graceMs: number): Promise<void> {
  const { executor, poll, embedded } = running;
  const { store, journal, lifecycle, barrier, readers, observer, notifications, clock, registry, identity } = executor;
  running.stopSignals();
  executor.stopping = true;
  const polled = await within(patienceMs, poll.stop());
  await until(() => executor.active === 0, graceMs);
  const reason = apiaryError('SHUTTING_DOWN', {});
  for (const run of lifecycle.running) run.interruptBy(reason);
  await until(() => executor.active === 0, abortMs);
  // What communicators returned is kept for whoever goes on.
  const kept = Promise.all([...lifecycle.running].filter((run) => run.start === undefined).map((run) => barrier.flush(run).catch(ignore)));
  const flushed = await within(
    polled ? patienceMs : 0,
    kept.then(() => readers.recorded()).then(() => journal.idle()),
  );
  if (!flushed) executor.log.warn('the database does not answer: what is not durable yet is done again by another executor');
  barrier.close();
  readers.close();
  lifecycle.close();
  for (const ticket of executor.tickets.values()) ticket.fail(reason);
  executor.tickets.clear();
  observer.close();
  notifications.close();
  store.close();
  journal.close();
  if (identity.registered && flushed) {
    const released = store.query('release', [identity.executorId]).then(() => store.query('fenceMyself', [identity.executorId]));
    await within(patienceMs, released.then(ignore, ignore));
  }
  clock.close();
  await registry?.dispose();
  if (!flushed) store.connections.cut();
  await within(patienceMs, store.connections.close());
  await embedded?.stop();
}

/** Whether it ended within the time. */
async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let alarm: Alarm | undefined;
  const late = new Promise<boolean>((resolve) => (alarm = after(ms, () => resolve(false))));
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    alarm?.cancel();
  }
}

/** Resolves when the condition holds, or after the time. */
async function until(condition: () => boolean, ms: number): Promise<void> {
  const end = monotonic() + ms;
  while (!condition() && monotonic() < end) await delay(Math.min(10, ms));
}

/** The process is the user's: only the signals asked for start a shutdown. */
export function onSignals(signals: readonly ('SIGINT' | 'SIGTERM')[], stop: () => Promise<void>, log: Logger): () => void {
  const handler = (signal: NodeJS.Signals): void => {
    log.info(`${signal}: shutting down`);
    stop().catch((error: unknown) => log.error('the shutdown failed', { error: String(error) }));
  };
  for (const signal of signals) process.once(signal, handler);
  return () => {
    for (const signal of signals) process.removeListener(signal, handler);
  };
}
