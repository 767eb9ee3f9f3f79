/** Cancel, resume and fork: what anybody may ask of a workflow that another executor may own. */
import type { Names } from '../schema/names.js';
import { recordCount } from './fold-records.js';

export const manage = (n: Names) => ({
  /**
   * A request for those that somebody runs; those that nobody runs end at once; one that has ended, DEAD included, stays as it is. `$2` is the error to store. Whoever parks or wakes
   * holds the row meanwhile: the update then re-reads it.
   */
  cancel: `update ${n.workflow} w set
      cancel_requested = true,
      status = case when w.executor_id is null or w.status in ('ENQUEUED', 'DELAYED') then 'CANCELLED' else w.status end,
      error = case when w.executor_id is null or w.status in ('ENQUEUED', 'DELAYED') then x.error else w.error end,
      wake_at = case when w.executor_id is null then null else w.wake_at end,
      updated_at = clock_timestamp() + $3 * interval '1 millisecond'
    from unnest($1::text[], $2::text[]) as x(id, error)
    where w.workflow_id = x.id and w.status in ('PENDING', 'ENQUEUED', 'DELAYED')
    returning w.workflow_id as "workflowId", w.status, w.executor_id as "executorId"`,
  /** Takes ended roots back to PENDING under this executor, with the children that ended CANCELLED and whose result nobody recorded. */
  resume: `with recursive tree as (
      select w.workflow_id from ${n.workflow} w
        where w.workflow_id = any($1::text[]) and w.parent_id is null and w.status in ('ERROR', 'CANCELLED', 'DEAD')
      union select c.workflow_id from ${n.workflow} c join tree on c.parent_id = tree.workflow_id
        where c.status in ('CANCELLED', 'DEAD') and not exists (
          select 1 from ${n.history} f where f.workflow_id = tree.workflow_id and f.child_id = c.workflow_id and f.kind = 'workflow' and f.name not like 'start(%'))
    update ${n.workflow} w set status = 'PENDING', output = null, error = null, cancel_requested = false, wake_at = null,
      executor_id = $2, epoch = w.epoch + 1, attempts = 0, app_version = $3, deadline = case when w.deadline <= clock_timestamp() + $4 * interval '1 millisecond' then null else w.deadline end,
      claimed_records = ${recordCount(n)},
      updated_at = clock_timestamp() + $4 * interval '1 millisecond'
    from tree where w.workflow_id = tree.workflow_id and w.status in ('ERROR', 'CANCELLED', 'DEAD')
    returning w.workflow_id as "workflowId", w.parent_id as "parentId"`,
  /** A new workflow under this executor with a copy of the given records. */
  fork: `with origin as (
      select * from ${n.workflow} where workflow_id = $1
    ), made as (
      insert into ${n.workflow} (workflow_id, name, kind, status, input, input_hash, executor_id, epoch, app_version, forked_from)
      select $2, name, kind, 'PENDING', input, input_hash, $3, 1, $4, workflow_id from origin
      on conflict (workflow_id) do nothing returning workflow_id
    ), copied as (
      insert into ${n.record} (workflow_id, step_id, name, kind, input_hash, output, error, attempts, child_id, executor_id, epoch, started_at, completed_at)
      select made.workflow_id, f.step_id, f.name, f.kind, f.input_hash, f.output, f.error, f.attempts, f.child_id, $3, 1, f.started_at, f.completed_at
      from ${n.history} f, made where f.workflow_id = $1 and f.step_id = any($5::text[])
    ) select (select count(*) from origin)::int as origins, (select count(*) from made)::int as made`,
});
