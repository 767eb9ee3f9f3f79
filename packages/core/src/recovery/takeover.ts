/**
 * Takes over the work of executors that stopped renewing their lease (DESIGN 4.6). Fence, end of every connection, claim: each in a
 * later snapshot than the one before, so nothing of the superseded executor can become visible after the claim.
 */
import { Backoff } from '../backoff.js';
import { monotonic } from '../clock.js';
import type { Executor } from '../executor/executor.js';
import { classify } from '../store/connection/classify.js';
import type { Connection } from '../store/connection/connection.js';
import type { StoredWorkflow } from '../store/statements/read.js';

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
const lockTries = 200;

interface Seen {
  counter: number;
  since: number;
}

export class Takeover {
  readonly #executor: Executor;
  readonly #seen = new Map<string, Seen>();
  /** Executors whose exclusive lock was held by this process after their fence. */
  readonly #locked = new Set<string>();
  readonly #lane: NarrowLane;
  #busy = false;

  constructor(executor: Executor) {
    this.#executor = executor;
    this.#lane = new NarrowLane(executor);
  }

  /** Looks at what a tick saw; takes over what can be, one executor after the other. Never rejects. */
  async look(others: readonly OtherExecutor[]): Promise<void> {
    const ready = others.filter((other) => this.#isDead(other));
    for (const id of this.#seen.keys()) if (!others.some((o) => o.executorId === id)) this.#seen.delete(id);
    if (this.#busy || this.#executor.stopping) return;
    this.#busy = true;
    try {
      for (const other of ready) await this.#takeOver(other);
    } catch (error) {
      this.#executor.log.warn('a takeover did not finish; it goes on at the next poll', { error: String(error) });
    } finally {
      this.#busy = false;
    }
  }

  /** Fenced already, or its counter stood still for a whole lease by this process's own clock and the database says expired. */
  #isDead(other: OtherExecutor): boolean {
    if (other.fenced) return true;
    const seen = this.#seen.get(other.executorId);
    if (seen === undefined || seen.counter !== other.counter) {
      this.#seen.set(other.executorId, { counter: other.counter, since: monotonic() });
      return false;
    }
    return other.expired && monotonic() - seen.since >= this.#executor.lease.durationMs;
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
      if (!(await this.#endConnections(other))) return;
      this.#locked.add(other.executorId);
      probe('takeover:locked', { executorId: other.executorId });
    }
    await this.#claim(other.executorId);
  }

  /** True once the exclusive lock was held: only that says that it is over. */
  async #endConnections(other: OtherExecutor): Promise<boolean> {
    const backoff = new Backoff();
    let survivors: unknown[] = [];
    for (let tries = 0; tries < lockTries; tries++) {
      const locked = await this.#executor.store.connections.system(async (c) => {
        // Taken for a transaction of its own: the lock is let go when the statement ends.
        const [result] = await c.fly([{ text: `select pg_try_advisory_xact_lock(${other.lockKey}) as locked` }]);
        if (result?.rows[0]?.['locked'] !== true) {
          survivors = await terminateHolders(c, this.#executor.store.sql.holders, other.lockKey);
          return false;
        }
        return this.#rowIsFree(c, other.executorId);
      });
      if (locked) return true;
      await backoff.wait();
    }
    this.#executor.log.error('connections of a fenced executor could not be ended; nothing is claimed from it', { executorId: other.executorId, pids: survivors });
    return false;
  }

  /** Behind a pooler its transactions lock its row: the row can be taken FOR UPDATE when they are over. */
  async #rowIsFree(connection: Connection, executorId: string): Promise<boolean> {
    const { sql } = this.#executor.store;
    try {
      await connection.fly([{ text: 'begin isolation level read committed' }, { text: `set local lock_timeout = '500ms'` }, { text: sql.lockRow, values: [executorId] }, { text: 'commit' }]);
      return true;
    } catch (error) {
      if (classify(error, { engine: true }) !== 'timeout') throw error;
      await connection.fly([{ text: 'rollback' }]);
      await connection.fly([{
        text: `select pg_terminate_backend(a.pid) from pg_stat_activity a where a.pid <> pg_backend_pid() and exists (
          select 1 from pg_locks l where l.pid = a.pid and l.relation = to_regclass($1) and l.mode = 'RowShareLock' and l.granted)`,
        values: [this.#executor.store.names.executor],
      }]);
      return false;
    }
  }

  async #claim(executorId: string): Promise<void> {
    const { lifecycle, store, lease } = this.#executor;
    for (;;) {
      if (this.#executor.stopping || !lease.isLive()) return;
      if (lifecycle.running.size >= concurrency) return; // the next tick goes on
      const taken = await claimBatch(this.#executor, executorId, batch, 'first');
      if (taken.length === 0) break;
    }
    if (await this.#lane.claim(executorId)) return;
    await store.query('settle', [executorId]);
    this.#seen.delete(executorId);
    this.#locked.delete(executorId);
  }
}

/**
 * Workflows that were claimed before and made no progress since run one at a time, and are claimed only when they are to run, so that one
 * that kills its process does not take its neighbours to DEAD (DESIGN 4.6, rule 4).
 */
class NarrowLane {
  readonly #executor: Executor;
  #occupant: { readonly workflowId: string; readonly since: number } | undefined;

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /** False when there was nothing left to claim. */
  async claim(executorId: string): Promise<boolean> {
    for (;;) {
      if (this.#isOccupied()) return true;
      const [taken] = await claimBatch(this.#executor, executorId, 1, 'again');
      if (taken === undefined) return false;
      this.#occupant = { workflowId: taken.workflowId, since: monotonic() };
      // Most end at once: look again before the next tick.
      await Promise.race([this.#executor.tickets.get(taken.workflowId)?.outcome.catch(() => {}), new Promise((resolve) => setTimeout(resolve, 50))]);
    }
  }

  /** Until it ended, made a record, or a lease has passed: whoever only waits does not block the others. */
  #isOccupied(): boolean {
    if (this.#occupant === undefined) return false;
    const run = this.#executor.tickets.get(this.#occupant.workflowId)?.run;
    const free = run === undefined || run.isVoid || run.progressed || monotonic() - this.#occupant.since > this.#executor.lease.durationMs;
    if (free) this.#occupant = undefined;
    return !free;
  }
}

async function claimBatch(executor: Executor, from: string, size: number, which: 'first' | 'again'): Promise<readonly StoredWorkflow[]> {
  const { rows } = await executor.store.owning<StoredWorkflow>('claim', [from, executor.id, size, which], executor.id);
  if (rows.length === 0) return rows;
  executor.probe('takeover:claimed', { executorId: from, workflowIds: rows.map((row) => row.workflowId) });
  executor.lifecycle.adopt(await executor.store.untilAnswered((store) => store.withRecords(rows)));
  return rows;
}

/** Gives the pids that are still there. */
async function terminateHolders(connection: Connection, holders: string, lockKey: string): Promise<unknown[]> {
  const [found] = await connection.fly([{ text: holders, values: [lockKey] }]);
  const pids = (found?.rows ?? []).map((row) => row['pid']);
  if (pids.length > 0) await connection.fly([{ text: 'select pg_terminate_backend(pid) from unnest($1::int[]) as pid', values: [pids] }]);
  return pids;
}
