import type { ClientBase } from 'pg';
import { auditNames } from './audit.js';
import type { LedgerCheck } from './ledger-invariants.js';
import { violated, type Violation } from './violation.js';

/** Status to the statuses that may follow. An outcome stays, unless the workflow is resumed (a new epoch); SUCCESS stays for ever. */
const next: Readonly<Record<string, readonly string[]>> = {
  DELAYED: ['ENQUEUED', 'PENDING', 'CANCELLED'],
  ENQUEUED: ['DELAYED', 'PENDING', 'CANCELLED'],
  PENDING: ['SUCCESS', 'ERROR', 'CANCELLED', 'DEAD', 'ENQUEUED', 'DELAYED'],
  SUCCESS: [],
  ERROR: [],
  CANCELLED: [],
  DEAD: [],
};
const resumable = ['ERROR', 'CANCELLED', 'DEAD'];

/** I11: statuses change only along the allowed ways, and an outcome never changes afterwards. Holds at any time. Needs the audit. */
export async function checkTransitions(client: ClientBase, check: LedgerCheck = {}): Promise<Violation[]> {
  const { statusAudit } = auditNames(check.engineSchema ?? 'apiary', check.schema);
  const allowed = Object.entries(next).flatMap(([from, all]) => all.map((to) => `${from}>${to}`));
  const { rows } = await client.query(
    `select number::int, workflow_id, old_status, new_status, old_epoch, new_epoch, outcome_changed from ${statusAudit}
      where case
        when old_status is null then new_status = 'DEAD'
        when old_status = new_status then outcome_changed and old_status not in ('PENDING', 'ENQUEUED', 'DELAYED')
        when old_status = any($2) and new_status in ('PENDING', 'ENQUEUED') then new_epoch <= old_epoch
        else not (old_status || '>' || new_status) = any($1)
      end order by number`,
    [allowed, resumable],
  );
  return violated('I11', 'a status changed in a way that is not allowed', rows);
}

/**
 * I12: epochs only grow, a workflow goes from one executor to another only with a new epoch, and every record of an older epoch was already
 * visible to the claim that raised it: a superseded executor committed nothing after the takeover. Needs the audit.
 */
export async function checkEpochs(client: ClientBase, check: LedgerCheck = {}): Promise<Violation[]> {
  const { statusAudit, record } = auditNames(check.engineSchema ?? 'apiary', check.schema);
  const fallen = await client.query(`select number::int, workflow_id, old_epoch, new_epoch, old_executor, new_executor from ${statusAudit}
    where new_epoch < old_epoch or (new_epoch = old_epoch and old_executor <> new_executor) order by number`);
  const late = await client.query(`select r.workflow_id, r.step_id, r.epoch, r.executor_id, s.new_epoch as claimed_as, s.new_executor as claimed_by
    from ${record} r join ${statusAudit} s on s.workflow_id = r.workflow_id and s.new_epoch > s.old_epoch and r.epoch < s.new_epoch
    where not pg_visible_in_snapshot(r.xid, s.snapshot) order by 1, 2`);
  return [
    ...violated('I12', 'an epoch fell, or an executor took a workflow without a new one', fallen.rows),
    ...violated('I12', 'a record of an older epoch came after the claim', late.rows),
  ];
}

/** I6, the part that SQL can tell: workflows that have not ended. To be asked after everything had time to end. */
export async function checkAllEnded(client: ClientBase, check: LedgerCheck = {}): Promise<Violation[]> {
  const { workflow } = auditNames(check.engineSchema ?? 'apiary', check.schema);
  const { rows } = await client.query(`select workflow_id, name, status, executor_id, epoch from ${workflow}
    where status not in ('SUCCESS', 'ERROR', 'CANCELLED', 'DEAD') order by workflow_id`);
  return violated('I6', 'a workflow has not ended', rows);
}
