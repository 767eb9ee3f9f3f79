/** What becomes of an executor that another one superseded: it goes on under a new id (DESIGN 4.6). */
import { Backoff } from '../backoff.js';
import type { Executor } from './executor.js';
import { newIdentity } from './identity.js';

export class Fence {
  readonly #executor: Executor;
  #registering: Promise<void> | undefined;

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /** Resolves when the executor has registered anew; undefined when nobody fenced it. */
  get registering(): Promise<void> | undefined {
    return this.#registering;
  }

  /** This executor was superseded: all its runs are void. */
  fenced(): void {
    if (this.#registering !== undefined || this.#executor.stopping) return;
    this.#registering = this.#register().finally(() => {
      this.#registering = undefined;
    });
    this.#executor.lifecycle.voidAll('the executor was fenced');
  }

  async #register(): Promise<void> {
    const { log, identity, lease, journal, store } = this.#executor;
    log.warn('this executor was fenced and registers anew', { executorId: identity.executorId });
    lease.lost();
    Object.assign(identity, newIdentity());
    await journal.reset();
    await store.connections.renew();
    const backoff = new Backoff();
    for (;;) {
      if (this.#executor.stopping) return;
      try {
        await register(this.#executor);
        return;
      } catch (error) {
        log.warn('registering failed; trying again', { error: String(error) });
        await backoff.wait();
      }
    }
  }
}

/** Makes the executor's row; its connections lock and check from then on. */
export async function register(executor: Pick<Executor, 'store' | 'identity' | 'config' | 'version' | 'lease' | 'clock'>): Promise<void> {
  const { store, identity, config, version, lease, clock } = executor;
  const sent = clock.monotonic();
  const { rows } = await store.query<{ databaseNow: number }>('register', [identity.executorId, identity.lockKey, config.name, version, lease.durationMs]);
  const now = rows[0]?.databaseNow;
  if (now !== undefined) clock.synchronise(now, sent, clock.monotonic());
  identity.registered = true;
  lease.renewed(sent);
  await store.connections.renew();
}
