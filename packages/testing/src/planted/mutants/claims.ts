/** Claim, attempts, narrow lane, adoption, wake-up, resume: DESIGN 4.5, 4.6 and L7. */
import { killer, mutant, type Mutant } from '../mutant.js';

const executors = 'core/store/statements/executors.js';
const manage = 'core/store/statements/manage.js';
const outcomes = 'core/store/statements/update-outcomes.js';
const lane = 'core/recovery/narrow-lane.js';

const liveness = (test: string) => killer('laws/L7-liveness', test);
const statements = (test: string) => killer('laws/rule-4.6-statements', test);
const attempts = (test: string) => killer('laws/L7-attempts', test);

export const claimMutants: readonly Mutant[] = [
  mutant(
    'a claim does not raise the epoch',
    '4.6',
    [executors, 'set executor_id = $2, epoch = w.epoch + 1,', 'set executor_id = $2,'],
    killer('laws/L8-superseded', 'a fenced executor that lives voids its runs'),
  ),
  mutant(
    'a claim takes rows that another observer has claimed meanwhile',
    '4.6',
    [executors, 'from chosen where w.workflow_id = chosen.workflow_id and w.executor_id = $1 and', 'from chosen where w.workflow_id = chosen.workflow_id and'],
    statements('of two claims of one row'),
  ),
  mutant(
    'a superseded executor is settled while rows are left',
    '4.6',
    [executors, 'and not exists (select from ${n.workflow} where executor_id = $1 and ${live})`', '`'],
    statements('stays in the scan while rows are left'),
  ),
  mutant(
    'claims are not counted',
    'L7',
    [executors, 'then 1 else w.attempts + 1 end,', 'then 1 else w.attempts end,'],
    liveness('what makes no progress is DEAD'),
  ),
  mutant(
    'claims are counted since the start, not since the last record',
    'L7',
    [executors, 'when w.attempts > 0 and chosen.records > w.claimed_records then 1', ''],
    liveness('what makes no progress is DEAD'),
  ),
  mutant(
    'a workflow whose child goes on is counted',
    'L7',
    [executors, 'when w.claimed_records < 0 or chosen.waits then w.attempts', 'when w.claimed_records < 0 then w.attempts'],
    attempts('whose child makes progress'),
  ),
  mutant(
    'a workflow whose child goes on waits in the narrow lane',
    '4.6',
    [executors, "where ($4 = 'again') = (not c.waits and w.attempts > 0", "where ($4 = 'again') = (w.attempts > 0"],
    attempts('does not take the narrow lane'),
  ),
  mutant(
    'a workflow is DEAD at no number of claims',
    'L7',
    ['core/executor/lifecycle.js', 'workflow.attempts > executor.functions.maxRecoveries(fn)', 'false'],
    killer('behaviours/recovery', 'BEHAVIOUR 11:'),
  ),
  {
    name: 'DEAD is not final: it can be cancelled',
    breaks: '4.5',
    edits: [
      {
        file: manage,
        text: "where w.workflow_id = x.id and w.status in ('PENDING', 'ENQUEUED', 'DELAYED')",
        by: "where w.workflow_id = x.id and w.status in ('PENDING', 'ENQUEUED', 'DELAYED', 'DEAD')",
      },
      { file: manage, text: "('ENQUEUED', 'DELAYED') then 'CANCELLED'", by: "('ENQUEUED', 'DELAYED', 'DEAD') then 'CANCELLED'" },
    ],
    killer: attempts('a cancellation of DEAD changes nothing'),
  },
  mutant(
    'a cancellation changes what has ended',
    '4.5',
    [
      manage,
      "cancel_requested = true, status = case when w.executor_id is null or w.status in ('ENQUEUED', 'DELAYED') then 'CANCELLED' else w.status end,",
      "cancel_requested = true, status = 'CANCELLED',",
    ],
    killer('behaviours/cancellation', 'a body that ends without another step keeps its value'),
  ),
  mutant(
    'what a shutdown gives back is counted',
    'L7',
    [executors, 'set claimed_records = -1 where', 'set wake_at = null where'],
    liveness('a shutdown gives its work back'),
  ),
  mutant(
    'second attempts are claimed all at once',
    '4.6',
    [executors, "where ($4 = 'again') = (not c.waits", "where $4 = 'first' or (not c.waits"],
    attempts('second attempts are claimed one at a time'),
  ),
  mutant(
    'the narrow lane forgets a claim whose answer was lost',
    '4.6',
    [lane, 'this.#occupant = { workflowId: undefined, since: monotonic() };', ''],
    attempts('a claim whose answer was lost holds the narrow lane'),
  ),
  mutant(
    'the narrow lane is free while its workflow runs',
    '4.6',
    [lane, 'run.isVoid || run.progressed)', 'run.isVoid || true)'],
    attempts('second attempts are claimed one at a time'),
  ),
  mutant(
    'who waits in the narrow lane holds it for ever',
    '4.6, L7',
    [lane, 'isAtRest || monotonic() - since > this.#executor.lease.durationMs', 'isAtRest'],
    attempts('one that only waits does not hold the narrow lane'),
  ),
  mutant(
    'rows of its own that an executor never heard of are left alone',
    '4.5, L7',
    ['core/recovery/poll.js', 'if (this.#more < 2 && !this.#sweepDue) return;', 'return;'],
    killer('interleavings/12-no-marks', 'whose start it never heard of is adopted'),
  ),
  {
    name: 'a wake-up does not look whether the row is still parked',
    breaks: '4.5',
    edits: [
      { file: executors, text: 'order by wake_at limit $4 for update skip locked', by: 'order by wake_at limit $4' },
      {
        file: executors,
        text: 'where w.workflow_id = due.workflow_id and w.executor_id is null and w.${live} returning ${workflowColumns}`, });',
        by: 'where w.workflow_id = due.workflow_id returning ${workflowColumns}`, });',
      },
    ],
    killer: statements('a wake-up of what was cancelled meanwhile'),
  },
  mutant(
    'a wake-up does not raise the epoch',
    '4.5',
    [executors, 'set executor_id = $1, epoch = w.epoch + 1, wake_at = null', 'set executor_id = $1, wake_at = null'],
    killer('laws/parked', 'a wake-up raises the epoch'),
  ),
  mutant(
    'a workflow parks over a request to cancel it',
    '4.5',
    [outcomes, 'and not w.cancel_requested returning 1', 'returning 1'],
    killer('laws/parked', 'does not park over a cancellation'),
  ),
  mutant(
    'a parked workflow sleeps over its deadline',
    '4.5',
    [
      'core/executor/steps/sleep.js',
      'cargo.parks.push({ workflowId: run.workflowId, executorId: run.executorId, epoch: run.epoch, wakeAt: Math.min(due, run.deadline ?? due) });',
      'cargo.parks.push({ workflowId: run.workflowId, executorId: run.executorId, epoch: run.epoch, wakeAt: due });',
    ],
    killer('behaviours/deadlines', 'it wakes a parked workflow'),
  ),
  mutant(
    'a resume does not raise the epoch',
    '4.5',
    [manage, 'executor_id = $2, epoch = w.epoch + 1, attempts = 0,', 'executor_id = $2, attempts = 0,'],
    killer('interleavings/10-cancel-resume', 'the late outcome of the first run'),
  ),
  mutant(
    'a resume leaves the cancelled children as they are',
    '4.5',
    [manage, "where c.status in ('CANCELLED', 'DEAD') and not exists (", 'where false and not exists ('],
    killer('behaviours/cancellation', 'BEHAVIOUR 37'),
  ),
  mutant(
    'an outcome does not look at the epoch',
    '4.4, L8',
    [outcomes, 'w.executor_id = excluded.executor_id and w.epoch = excluded.epoch then', 'w.executor_id = excluded.executor_id then'],
    killer('laws/conditional-outcome', 'an outcome of an earlier epoch'),
  ),
  mutant(
    'an outcome does not look at the owner',
    '4.4, L8',
    [outcomes, "w.status = 'PENDING' and w.executor_id = excluded.executor_id and w.epoch = excluded.epoch then", "w.status = 'PENDING' then"],
    killer('laws/conditional-outcome', 'over the row of another owner'),
  ),
  mutant(
    'an outcome that matches no row stops nothing',
    '4.4',
    [outcomes, "${names.refuse}('APV01', 'an outcome matched no row')", "'no row'"],
    killer('laws/outcome-in-the-last-commit', 'the outcome is conditional'),
  ),
  mutant(
    'a claim counts the records of all that wait',
    '4.6',
    [executors, 'order by w.attempts > 1,', 'order by (select count(*) from ${n.record} f where f.workflow_id = w.workflow_id) * 0, w.attempts > 1,'],
    killer('budgets/claims', 'a claim counts the records'),
  ),
];
