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
import { columns, placeholders, unnest } from './values.js';

/** The kind of a row that was inserted where one had to be there: the statement then raises. */
const absent = 'absent';

/** What is inserted in vain, beside the columns of the outcome. */
export const vain = { columns: 'name, kind, app_version', values: `'', '${absent}', ''` };

/** The end of the statement: completes the row of this owner, or raises. */
export function completing(names: Names, sets: string): string {
  const raise = `${names.refuse}('APV01', 'an outcome matched no row')`;
  return `on conflict (workflow_id) do update set
      status = case when w.status = 'PENDING' and w.executor_id = excluded.executor_id and w.epoch = excluded.epoch then excluded.status else ${raise} end,
      ${sets}
    returning case when kind = '${absent}' then ${raise} end`;
}

const types = ['text', 'text', 'text', 'text', 'text', 'int'];
const cells = (r: OutcomeRow): readonly unknown[] => [r.workflowId, r.status, r.output, r.error, r.executorId, r.epoch];

export function updateOutcomes(names: Names): (rows: readonly OutcomeRow[], offsetMs: number) => Statement {
  const width = types.length;
  const list = 'workflow_id, status, output, error, executor_id, epoch';
  const into = `insert into ${names.workflow} as w (${list}, ${vain.columns})`;
  const tail = completing(
    names,
    `output = excluded.output, error = excluded.error, wake_at = null,
      updated_at = clock_timestamp() + $${width + 1} * interval '1 millisecond'`,
  );
  const one = `${into} values (${placeholders(1, width).slice(1, -1)}, ${vain.values}) ${tail}`;
  const many = `${into} select x.*, ${vain.values} from ${unnest(types)} as x ${tail}`;
  return (rows, offsetMs) => {
    const [first] = rows;
    if (rows.length === 1 && first !== undefined) return { name: 'apiary_outcome', text: one, values: [...cells(first), offsetMs] };
    return { name: 'apiary_outcomes', text: many, values: [...columns(rows, cells, width), offsetMs] };
  };
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
