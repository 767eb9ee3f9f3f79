/**
 * What each engine connection does first: it takes a shared session advisory lock keyed by its executor, then reads the fence and the
 * timeline. Lock and read are separate statements with separate snapshots: a takeover that fenced before the lock was taken is seen,
 * one that fences after finds the lock (DESIGN 4.6, rule 1).
 */
import { raise } from '@apiary/decorators/internal';
import type { Connection } from '../store/connection/connection.js';
import type { Names } from '../store/schema/names.js';
import { executors } from '../store/statements/executors.js';
import type { Identity } from '../executor/identity.js';

/** A socket that is open on one side only must not keep the poll from reconnecting. */
const deadlineMs = 15_000;

export interface OpeningOptions {
  readonly identity: Identity;
  readonly names: Names;
  /** False behind a pooler, where a session lock belongs to nobody. */
  locks(): boolean;
  fenced(): void;
  timeline(found: string): void;
}

export function opening({ identity, names, locks, fenced, timeline }: OpeningOptions): (connection: Connection) => Promise<void> {
  const sql = executors(names);
  return async (connection) => {
    if (!identity.registered) return;
    const { executorId, lockKey } = identity;
    if (locks()) await connection.fly([{ text: `select pg_advisory_lock_shared(${lockKey})` }], { deadlineMs });
    const [state] = await connection.fly([{ text: sql.isFenced, values: [executorId] }], { deadlineMs });
    if (state?.rows[0]?.['fenced'] !== false) {
      fenced();
      raise('FENCED', { executorId });
    }
    const [line] = await connection.fly([{ text: sql.timeline }], { deadlineMs });
    const found = line?.rows[0]?.['timeline'];
    if (typeof found === 'string') timeline(found);
  };
}
