/**
 * Outcomes of workflows whose rows exist: conditional on owner and epoch, and raising where a row does not match, so that the flight
 * fails and nothing behind it commits (DESIGN 4.4). Rows come with their executor: one batch may hold only one.
 *
 * The row is found by ON CONFLICT, which looks for it without the transaction's snapshot and leaves no predicate lock: an UPDATE in a
 * user's SERIALIZABLE transaction reads the index leaf that all new workflows share, and conflicts with each of them (DESIGN L11).
 */
import type { OutcomeRow, ParkRow } from '../../executor/rows.js';
import type { Statement } from '../connection/statement.js';
import type { Names } from '../schema/names.js';
import { columns } from './values.js';

/** The kind of a row that was inserted where one had to be there: the statement then raises. */
export const absent = 'absent';

export function updateOutcomes(names: Names): (rows: readonly OutcomeRow[], offsetMs: number) => Statement {
  const text = `with u as (
    insert into ${names.workflow} as w (workflow_id, name, kind, app_version, status, output, error, executor_id, epoch)
    select x.id, '', '${absent}', '', x.status, x.output, x.error, x.executor_id, x.epoch
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[]) as x(id, status, output, error, executor_id, epoch)
    on conflict (workflow_id) do update set status = excluded.status, output = excluded.output, error = excluded.error, wake_at = null,
      updated_at = clock_timestamp() + $7 * interval '1 millisecond'
    where w.status = 'PENDING' and w.executor_id = excluded.executor_id and w.epoch = excluded.epoch returning kind)
    select case when (select count(*) from u where kind <> '${absent}') <> array_length($1, 1) then ${names.refuse}('APV01', 'an outcome matched no row') end`;
  return (rows, offsetMs) => ({
    name: 'apiary_outcomes',
    text,
    values: [...columns(rows, (r) => [r.workflowId, r.status, r.output, r.error, r.executorId, r.epoch], 6), offsetMs],
  });
}

/** Parks workflows: PENDING with no executor and a time to wake at. */
export function parkWorkflows(names: Names): (rows: readonly ParkRow[], offsetMs: number) => Statement {
  const text = `with u as (
    update ${names.workflow} w set executor_id = null, wake_at = to_timestamp(x.wake_at / 1000), updated_at = clock_timestamp() + $5 * interval '1 millisecond'
    from unnest($1::text[], $2::text[], $3::int[], $4::float8[]) as x(id, executor_id, epoch, wake_at)
    where w.workflow_id = x.id and w.status = 'PENDING' and w.executor_id = x.executor_id and w.epoch = x.epoch and not w.cancel_requested returning 1)
    select case when (select count(*) from u) <> array_length($1, 1) then ${names.refuse}('APV01', 'a parked workflow matched no row') end`;
  return (rows, offsetMs) => ({
    name: 'apiary_park',
    text,
    values: [...columns(rows, (r) => [r.workflowId, r.executorId, r.epoch, r.wakeAt], 4), offsetMs],
  });
}
