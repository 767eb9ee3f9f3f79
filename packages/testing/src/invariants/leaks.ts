/** What an app that does nothing must not hold: connections, transactions, locks, timers. */
import type { Executor } from '@apiary/core/internal';
import { violated, type Violation } from '../faults/ledger/violation.js';
import { ask } from './ask.js';

interface Pool {
  numUsed?(): number;
}

/** Of an app that runs no step and no body; else nothing can be told. */
export async function leaks(executor: Executor): Promise<Violation[]> {
  if (isAtWork(executor)) return [];
  const { connections } = executor.store;
  const { pids } = connections;
  const idle = await ask(
    executor,
    `select pid, state, query from pg_stat_activity where pid = any($1::int[]) and pid <> pg_backend_pid() and state like 'idle in transaction%'`,
    [pids],
  );
  const locks = await ask(
    executor,
    `select pid, classid::text, objid::text, mode from pg_locks where locktype = 'advisory' and pid = any($1::int[])
      and (classid::int8 << 32 | objid::int8) <> $2::int8 order by 1, 2, 3`,
    [pids, executor.identity.lockKey],
  );
  if (isAtWork(executor)) return [];
  return [
    ...violated('leak', 'a transaction was left open', idle),
    ...violated('leak', 'an advisory lock was left', locks),
    ...violated('leak', 'a connection was not given back', connectionsInUse(executor)),
    ...violated('leak', 'a timer goes on though nothing runs', timers(executor)),
  ];
}

function isAtWork({ active, lifecycle }: Executor): boolean {
  return active > 0 || lifecycle.running.size > 0;
}

function connectionsInUse({ store: { connections } }: Executor): object[] {
  const { userLeased, userWaiting } = connections.gauges;
  // The pool of the user's own Knex serves others, too.
  const pool = connections.ownKnex ? (connections.knex.client as { pool?: Pool }).pool : undefined;
  const used = Math.max(userLeased, pool?.numUsed?.() ?? 0);
  return used === 0 && userWaiting === 0 ? [] : [{ used, ofFunctions: userLeased, waiting: userWaiting }];
}

/** One timer is for the next workflow that is parked. */
function timers({ clock }: Executor): object[] {
  return clock
    .pending()
    .slice(1)
    .map(({ dueMs }) => ({ due: new Date(dueMs) }));
}
