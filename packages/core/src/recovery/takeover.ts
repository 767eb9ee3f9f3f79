/**
 * Takes over the work of executors that stopped renewing their lease (DESIGN 4.6). Fence, end of every connection, claim: each in a
 * later snapshot than the one before, so nothing of the superseded executor can become visible after the claim.
 */
import { Backoff } from '../backoff.js';
import { monotonic } from '../clock.js';
import type { Executor } from '../executor/executor.js';
import { claimBatch } from './claim.js';
import { endConnections } from './end-connections.js';
import { NarrowLane } from './narrow-lane.js';

export interface OtherExecutor {
  readonly executorId: string;
  readonly lockKey: string;
  readonly counter: number;
  readonly expired: boolean;
  readonly fenced: boolean;
}

const batch = 500;
/** Recovered runs under way at once; more are claimed as these end. */
const concurrency = 2000;

/** About half a second in all. */
const mostLooks = 8;

interface Seen {
  counter: number;
  /** When it was seen first, by this process's monotonic clock. */
  since: number;
}

export class Takeover {
  readonly #executor: Executor;
  readonly #seen = new Map<string, Seen>();
  /** Executors whose exclusive lock was held by this process after their fence. */
  readonly #locked = new Set<string>();
  readonly #lane: NarrowLane;
  /** One a superseded executor, beside each other: connections that do not end must not hold up the work of others. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(executor: Executor) {
    this.#executor = executor;
    this.#lane = new NarrowLane(executor);
  }

  /**
   * Looks at what a tick saw and begins to take over what can be; the poll does not wait for it, since it renews the lease. Gives the
   * milliseconds until the first lease ends that has not moved since: to look again then, and not a poll later.
   */
  look(others: readonly OtherExecutor[]): number {
    for (const id of this.#seen.keys()) if (!others.some((o) => o.executorId === id)) this.#seen.delete(id);
    let next = Number.POSITIVE_INFINITY;
    for (const other of others) {
      const left = this.#leftOf(other);
      if (left > 0) next = Math.min(next, left);
      else if ((other.fenced || other.expired) && !this.#underWay.has(other.executorId) && !this.#executor.stopping) this.#begin(other);
    }
    return next;
  }

  /** Resolves when no takeover is under way. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values());
  }

  /** Nothing when it is fenced already, or its counter stood still for a whole lease by this process's own clock. */
  #leftOf(other: OtherExecutor): number {
    if (other.fenced) return 0;
    const seen = this.#seen.get(other.executorId);
    if (seen !== undefined && seen.counter === other.counter) return seen.since + this.#executor.lease.durationMs - monotonic();
    this.#seen.set(other.executorId, { counter: other.counter, since: monotonic() });
    return this.#executor.lease.durationMs;
  }

  #begin(other: OtherExecutor): void {
    const done = this.#takeOver(other)
      .catch((error: unknown) => {
        if (!this.#executor.stopping)
          this.#executor.log.warn('a takeover did not finish; it goes on at the next poll', { executorId: other.executorId, error: String(error) });
      })
      .finally(() => this.#underWay.delete(other.executorId));
    this.#underWay.set(other.executorId, done);
  }

  async #takeOver(other: OtherExecutor): Promise<void> {
    const { store, probe, log, lease } = this.#executor;
    if (!lease.isLive()) return;
    if (!other.fenced) {
      const { rowCount } = await store.query('fence', [other.executorId, other.counter]);
      if (rowCount === 0) return; // it renewed, or another observer was first: the next tick shows which
      log.warn('took over from an executor whose lease ran out', { executorId: other.executorId });
      probe('takeover:fenced', { executorId: other.executorId });
    }
    if (!this.#locked.has(other.executorId)) {
      if (!(await endConnections(this.#executor, other))) return;
      this.#locked.add(other.executorId);
      probe('takeover:locked', { executorId: other.executorId });
    }
    await this.#claim(other.executorId);
  }

  /** Waits a little for recovered runs to end. */
  async #room(): Promise<boolean> {
    const { running } = this.#executor.lifecycle;
    const backoff = new Backoff();
    for (let looks = 0; running.size >= concurrency; looks++) {
      if (looks === mostLooks || this.#executor.stopping) return false;
      await backoff.wait();
    }
    return true;
  }

  async #claim(executorId: string): Promise<void> {
    const { store, lease } = this.#executor;
    for (;;) {
      if (!(await this.#room()) || this.#executor.stopping || !lease.isLive()) return; // the next tick goes on
      const taken = await claimBatch(this.#executor, executorId, batch, 'first');
      if (taken.length === 0) break;
    }
    if (await this.#lane.claim(executorId)) return;
    // Another observer may have rows of the batch locked that this one saw: it is over when none is left.
    const { rowCount } = await store.query('settle', [executorId]);
    if (rowCount === 0) return;
    this.#seen.delete(executorId);
    this.#locked.delete(executorId);
  }
}
