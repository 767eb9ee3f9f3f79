/**
 * Ends all that a fenced executor may still do in the database (DESIGN 4.6, rules 1 and 3). Its connections hold its advisory lock shared:
 * only the exclusive one says that they are gone. Behind a pooler its transactions lock its row instead.
 */
import { Backoff } from '../backoff.js';
import { delay } from '../clock.js';
import type { Executor } from '../executor/executor.js';
import { classify } from '../store/connection/classify.js';
import type { Connection } from '../store/connection/connection.js';

/** Then the next poll goes on. */
const tries = 16;
const deadlineMs = 15_000;
/** How long a try waits for the transactions that lock the row. */
const lockTimeoutMs = 500;
const lookMs = 50;

interface Superseded {
  readonly executorId: string;
  readonly lockKey: string;
}

/** True once its lock was held, and its row taken, after its fence was committed. */
export async function endConnections(executor: Executor, { executorId, lockKey }: Superseded): Promise<boolean> {
  const backoff = new Backoff();
  let survivors: readonly unknown[] = [];
  for (let n = 0; n < tries && !executor.stopping; n++) {
    survivors = await executor.store.connections.system((c) => terminateHolders(c, executor, lockKey));
    if (survivors.length === 0) {
      survivors = await takeRow(executor, executorId);
      if (survivors.length === 0) return true;
    }
    await backoff.wait();
  }
  if (!executor.stopping)
    executor.log.error('connections of a fenced executor could not be ended; nothing is claimed from it', { executorId, pids: survivors });
  return false;
}

/**
 * Nobody, when the exclusive lock was got: in a transaction of its own, so it is let go at once; no later connection gets past the fence.
 * `pg_terminate_backend` returns before the backend is gone, and its COMMIT may still succeed: hence the lock, and not the list.
 */
async function terminateHolders(connection: Connection, { store }: Executor, lockKey: string): Promise<readonly unknown[]> {
  const [result] = await connection.fly([{ text: `select pg_try_advisory_xact_lock(${lockKey}) as locked` }], { deadlineMs });
  if (result?.rows[0]?.['locked'] === true) return [];
  const [found] = await connection.fly([{ text: store.sql.holders, values: [lockKey] }], { deadlineMs });
  const holders = found?.rows ?? [];
  for (const { pid } of holders) await terminate(connection, pid);
  return holders.length > 0 ? holders.map(({ pid }) => pid) : ['unknown'];
}

/** A holder of a role that this one is no member of survives, and is reported; the others are ended all the same. */
async function terminate(connection: Connection, pid: unknown): Promise<void> {
  try {
    await connection.fly([{ text: 'select pg_terminate_backend($1)', values: [pid] }], { deadlineMs });
  } catch (error) {
    if ((error as { code?: unknown }).code !== '42501') throw error;
  }
}

/**
 * Nobody, when the row was taken: no transaction that checked the fence before it was raised is under way any more. The row is taken by
 * the change of a key, which conflicts with FOR KEY SHARE (the fence itself does not): a transaction whose snapshot is older than the
 * fence and that locks the row later is refused by the server, or reads the row anew.
 */
async function takeRow(executor: Executor, executorId: string): Promise<readonly unknown[]> {
  const { connections, sql } = executor.store;
  const taker = await connections.dedicated('system');
  let over = false;
  let ended = (): void => {};
  const end = new Promise<void>((resolve) => (ended = resolve));
  try {
    const [, , backend] = await taker.fly(
      [{ text: 'begin isolation level read committed' }, { text: `set local lock_timeout = ${lockTimeoutMs}` }, { text: 'select pg_backend_pid() as pid' }],
      { deadlineMs },
    );
    const taken = taker.fly([{ text: sql.supersede, values: [executorId] }, { text: 'commit' }], { deadlineMs }).finally(() => {
      over = true;
      ended();
    });
    await Promise.all([taken, endBlockers(executor, backend?.rows[0]?.['pid'], () => over, end)]);
    return [];
  } catch (error) {
    if (classify(error, { engine: true }) !== 'timeout') throw error;
    return ['a transaction that locks its row'];
  } finally {
    over = true;
    taker.release();
  }
}

/** Ends the transactions that a backend waits for, until it waits no more. */
async function endBlockers({ store }: Executor, pid: unknown, over: () => boolean, end: Promise<void>): Promise<void> {
  for (;;) {
    await Promise.race([delay(lookMs), end]);
    if (over()) return;
    const { rows } = await store.query<{ pid: number }>('blockers', [pid]);
    if (rows.length > 0 && !over())
      await store.connections.system(async (c) => {
        for (const row of rows) await terminate(c, row.pid);
      });
  }
}
