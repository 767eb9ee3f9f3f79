/** Executors: registration, lease, fence, claim. */
import { quoteLiteral, type Names } from '../schema/names.js';
import { recordCount } from './fold-records.js';
import { workflowColumns } from './read.js';

const live = `status = 'PENDING'`;

export const executors = (n: Names) => ({
  register: `insert into ${n.executor} (executor_id, lock_key, name, app_version, lease_until)
    values ($1, $2, $3, $4, clock_timestamp() + $5 * interval '1 millisecond')
    on conflict (executor_id) do update set lease_until = excluded.lease_until
    returning (extract(epoch from clock_timestamp()) * 1000)::float8 as "databaseNow"`,
  /**
   * The one statement a second of an idle process: renews the lease (no row: fenced), reads what is new for this executor and which
   * other executors of its version hold work. $1 me, $2 lease in ms, $3 version.
   */
  tick: `with me as (
      update ${n.executor} set lease_counter = lease_counter + 1, lease_until = clock_timestamp() + $2 * interval '1 millisecond'
      where executor_id = $1 and not fenced returning 1
    ), live as (
      select executor_id, count(*)::int as rows from ${n.workflow} where ${live} and executor_id is not null group by executor_id
    )
    select (select count(*)::int from me) as renewed,
      -- losing a renewal in a database crash is harmless: the only commit of ours that need not be synchronous
      set_config('synchronous_commit', 'off', true),
      (extract(epoch from clock_timestamp()) * 1000)::float8 as "databaseNow",
      coalesce((select rows from live where executor_id = $1), 0) as pending,
      (select array_agg(workflow_id) from ${n.workflow} where executor_id = $1 and ${live} and cancel_requested) as cancelled,
      (select (extract(epoch from min(wake_at)) * 1000)::float8 from ${n.workflow} where executor_id is null and ${live} and app_version = $3) as "nextWake",
      (select json_agg(json_build_object('executorId', e.executor_id, 'lockKey', e.lock_key::text, 'counter', e.lease_counter,
          'expired', e.lease_until < clock_timestamp(), 'fenced', e.fenced))
        from ${n.executor} e where e.executor_id <> $1 and e.app_version = $3 and not e.settled) as others`,
  /** Rows of mine that I may not know of: an answer was lost. */
  mine: `select workflow_id as "workflowId" from ${n.workflow} where executor_id = $1 and ${live} and wake_at is null`,
  /** Conditional on the counter that the observer saw stand still for a whole lease, and on the database's clock. */
  fence: `update ${n.executor} set fenced = true
    where executor_id = $1 and not fenced and lease_counter = $2 and lease_until < clock_timestamp() returning 1 as fenced`,
  fenceMyself: `update ${n.executor} set fenced = true where executor_id = $1 returning 1 as fenced`,
  /** Nobody has to look at it any more. Not while rows are left: another observer may be at work on them, and die. */
  settle: `update ${n.executor} set settled = true where executor_id = $1
    and not exists (select from ${n.workflow} where executor_id = $1 and ${live})`,
  notify: `select pg_notify($1, payload) from unnest($2::text[]) as payload`,
  isFenced: `select fenced from ${n.executor} where executor_id = $1`,
  timeline: `select case when pg_is_in_recovery() then null else substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end as timeline`,
  holders: `select l.pid, coalesce(a.usename::text, '') as role from pg_locks l left join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'advisory' and l.database = (select oid from pg_database where datname = current_database())
      and l.classid = ($1::bigint >> 32)::int8::oid and l.objid = ($1::bigint & 4294967295)::oid and l.objsubid = 1 and l.granted and l.mode = 'ShareLock'`,
  /** Waits for the end of every transaction that locked the row FOR KEY SHARE; those that come later read it anew: the column is part of a key. */
  supersede: `update ${n.executor} set takeovers = takeovers + 1 where executor_id = $1`,
  /** Whom a backend waits for, without other observers that take the row over. */
  blockers: `select b.pid from unnest(pg_blocking_pids($1::int)) as b(pid) where not exists (
    select from pg_locks l where l.pid = b.pid and l.locktype = 'tuple' and l.relation = ${quoteLiteral(n.executor)}::regclass)`,
  /**
   * Claims a batch of a fenced executor. $1 its id, $2 me, $3 batch size, $4 'first' claims those that made progress since their last
   * claim (or were never claimed), 'again' the others, the least often claimed first. A workflow with a child that goes on is not
   * counted and does not wait in the narrow lane: its child is, and does (the child's progress is its own).
   */
  claim: `with waiting as (
      select w.workflow_id, w.attempts, w.claimed_records, w.records from ${n.workflow} w where w.executor_id = $1 and w.${live}
      -- each has one chance in the lane; then who was tried most often and last is who most likely kills
      order by w.attempts > 1, case when w.attempts > 1 then -w.attempts end, case when w.attempts > 1 then w.updated_at end desc, w.created_at
      offset 0 -- what follows is asked of as many as are taken, not of all that wait
    ), chosen as materialized (
      select w.workflow_id, c.records, c.waits from waiting w cross join lateral (
        select ${recordCount(n)} as records,
          exists (select 1 from ${n.workflow} c where c.parent_id = w.workflow_id and c.status in ('PENDING', 'ENQUEUED', 'DELAYED')) as waits offset 0
      ) as c
      where ($4 = 'again') = (not c.waits and w.attempts > 0 and w.claimed_records >= c.records) limit $3
    )
    update ${n.workflow} w set executor_id = $2, epoch = w.epoch + 1,
      recoveries = w.recoveries + case when w.claimed_records < 0 then 0 else 1 end,
      attempts = case when w.claimed_records < 0 or chosen.waits then w.attempts when w.attempts > 0 and chosen.records > w.claimed_records then 1 else w.attempts + 1 end,
      claimed_records = chosen.records, updated_at = clock_timestamp() + $5 * interval '1 millisecond'
    from chosen where w.workflow_id = chosen.workflow_id and w.executor_id = $1 and w.${live}
    returning ${workflowColumns}`,
  /** Gives running workflows back at shutdown: the mark -1 says that the next claim counts no attempt. */
  release: `update ${n.workflow} set claimed_records = -1 where executor_id = $1 and ${live}`,
  wake: `with due as materialized (
      select workflow_id from ${n.workflow} where executor_id is null and ${live} and app_version = $2
        and wake_at <= clock_timestamp() + $3 * interval '1 millisecond'
      order by wake_at limit $4 for update skip locked
    )
    update ${n.workflow} w set executor_id = $1, epoch = w.epoch + 1, wake_at = null from due
    where w.workflow_id = due.workflow_id and w.executor_id is null and w.${live} returning ${workflowColumns}`,
});

/** Raises when the executor is fenced, and locks its row so that a takeover waits for this transaction (behind a pooler, DESIGN 4.6). */
export const fenceCheck = (n: Names): string =>
  `with e as (select fenced from ${n.executor} where executor_id = $1 for key share)
   select case when coalesce((select fenced from e), true) then ${n.refuse}('APF01', 'the executor was fenced') end, pg_backend_pid() as pid`;
