/** What the engine's rows must say at any moment. Each question is one statement, hence one snapshot. */
import type { Names } from '@apiary/core/internal';

export interface Question {
  /** What is wrong with the rows that it gives. */
  readonly problem: string;
  readonly text: string;
}

const terminal = `('SUCCESS', 'ERROR', 'CANCELLED', 'DEAD')`;

/** Effects and records: what belongs together is there together. */
export function together({ workflow, history }: Names): readonly Question[] {
  return [
    {
      problem: 'a record has no workflow',
      text: `select workflow_id, step_id, name from ${history} f where not exists (select from ${workflow} w where w.workflow_id = f.workflow_id)`,
    },
    {
      problem: 'a child was started or awaited, and there is no such workflow',
      text: `select f.workflow_id, f.step_id, f.name, f.child_id from ${history} f
        where f.child_id is not null and f.error is null and not exists (select from ${workflow} w where w.workflow_id = f.child_id)`,
    },
    {
      problem: 'a child has no parent',
      text: `select workflow_id, name, parent_id from ${workflow} c where parent_id is not null
        and not exists (select from ${workflow} w where w.workflow_id = c.parent_id)`,
    },
    {
      problem: "the record of a child's result is not the child's outcome",
      text: `select f.workflow_id, f.step_id, f.child_id, c.status from ${history} f join ${workflow} c on c.workflow_id = f.child_id
        where f.kind = 'workflow' and f.name not like 'start(%' and f.error is null and (c.status <> 'SUCCESS' or f.output is distinct from c.output)`,
    },
    {
      problem: 'a direct call of a step has records',
      text: `select f.workflow_id, f.step_id, w.kind from ${history} f join ${workflow} w using (workflow_id) where w.kind <> 'workflow'`,
    },
  ];
}

/** Step ids, places and epochs in one workflow. */
export function dense({ workflow, history }: Names): readonly Question[] {
  return [
    {
      problem: 'a step of a workflow that has ended has no record, though a later one has: it is lost, or its call was refused and the refusal caught',
      text: `select f.workflow_id, w.name, max(f.step_id::int) + 1 as steps, count(*)::int as records from ${history} f join ${workflow} w using (workflow_id)
        where w.status in ('SUCCESS', 'ERROR') and f.step_id ~ '^[0-9]{1,9}$' group by 1, 2 having count(*) <> max(f.step_id::int) + 1`,
    },
    {
      problem: 'two records were made at the same place in the order of their workflow',
      text: `select workflow_id, completed_at, count(*)::int as records from ${history} group by 1, 2 having count(*) > 1`,
    },
    {
      problem: 'a record is of a later epoch than its workflow',
      text: `select f.workflow_id, f.step_id, f.epoch, w.epoch as workflow_epoch from ${history} f join ${workflow} w using (workflow_id) where f.epoch > w.epoch`,
    },
  ];
}

/** Status and outcome of one workflow. */
export function outcomes({ workflow }: Names): readonly Question[] {
  return [
    {
      problem: 'the outcome of a workflow does not go with its status',
      text: `select workflow_id, name, status, output is not null as has_output, error is not null as has_error from ${workflow} where case status
          when 'SUCCESS' then error is not null
          when 'PENDING' then output is not null or error is not null
          else status in ${terminal} and (output is not null or error is null) end`,
    },
    {
      problem: 'a workflow that has ended is to be woken',
      text: `select workflow_id, name, status, wake_at from ${workflow} where status in ${terminal} and wake_at is not null`,
    },
  ];
}

/** Workflows that nobody goes on with. `$1` is the offset of the app's clock, `$2` its poll, in milliseconds. */
export function stuck({ workflow, executor }: Names): readonly Question[] {
  const pending = `w.status = 'PENDING'`;
  return [
    {
      problem: 'a workflow waits for nothing and nobody runs it',
      text: `select workflow_id, name from ${workflow} w where ${pending} and executor_id is null and wake_at is null`,
    },
    {
      problem: 'a workflow was to be woken and was not',
      text: `select workflow_id, name, wake_at from ${workflow} w
        where ${pending} and executor_id is null and wake_at < clock_timestamp() + ($1::float8 - $2::float8) * interval '1 millisecond'`,
    },
    {
      problem: 'the executor of a workflow is dead, and nobody took it over',
      text: `select w.workflow_id, w.name, w.executor_id, e.fenced, e.lease_until from ${workflow} w left join ${executor} e using (executor_id)
        where ${pending} and w.executor_id is not null and (e.executor_id is null or e.fenced or e.lease_until < clock_timestamp())`,
    },
  ];
}
