import type { ClientBase } from 'pg';
import { auditNames, type AuditNames } from './audit.js';
import { ledgerNames, type LedgerNames } from './ledger.js';
import { violated, type Violation } from './violation.js';

export interface LedgerCheck {
  /** The engine's. Default `apiary`. */
  readonly engineSchema?: string;
  /** The workload's, where the audit is too. Default `bank`. */
  readonly schema?: string;
}
/** What one step of a finished workflow must have done to the ledger; exactly once. */
export interface ExpectedPosting {
  readonly workflowId: string;
  /** The label that the step wrote. */
  readonly step: string;
  readonly entries: readonly { readonly account: number; readonly delta: number }[];
}

/** I1: no money is made or lost, and each balance is what the ledger says. Holds at any time. */
export async function checkBalances(client: ClientBase, check: LedgerCheck = {}): Promise<Violation[]> {
  const { account, ledger } = ledgerNames(check.schema);
  const totals = await client.query(`select sum(balance) as balances, sum(initial) as initial from ${account} having sum(balance) <> sum(initial)`);
  const single = await client.query(`select a.id, a.balance, a.initial, coalesce(l.sum, 0) as posted
    from ${account} a left join (select account, sum(delta) as sum from ${ledger} group by account) l on l.account = a.id
    where a.balance <> a.initial + coalesce(l.sum, 0) order by a.id`);
  return [
    ...violated('I1', 'the sum of the balances has changed', totals.rows),
    ...violated('I1', 'a balance is not its first value plus its ledger entries', single.rows),
  ];
}

/**
 * I2: each step's postings were made in one transaction and once. With `expected` (of all finished workflows, or of those with the ids in it)
 * also: none is missing, none is wrong.
 */
export async function checkPostings(client: ClientBase, expected: readonly ExpectedPosting[] = [], check: LedgerCheck = {}): Promise<Violation[]> {
  const { ledger } = ledgerNames(check.schema);
  const doubled = await client.query(`select workflow_id, step, count(distinct xid)::int as transactions, count(*)::int as entries
    from ${ledger} group by workflow_id, step having count(distinct xid) > 1 order by 1, 2`);
  const wanted = expected.flatMap(({ workflowId, step, entries }) => entries.map(({ account, delta }) => ({ workflow_id: workflowId, step, account, delta })));
  const wrong = await client.query(
    `with wanted as (select workflow_id, step, account, delta, count(*) as entries
        from jsonb_to_recordset($1::jsonb) as w(workflow_id text, step text, account integer, delta bigint) group by 1, 2, 3, 4),
      found as (select workflow_id, step, account, delta, count(*) as entries from ${ledger}
        where workflow_id in (select workflow_id from wanted) group by 1, 2, 3, 4)
      select workflow_id, step, account, delta, coalesce(w.entries, 0)::int as wanted, coalesce(f.entries, 0)::int as found
      from wanted w full join found f using (workflow_id, step, account, delta)
      where w.entries is distinct from f.entries order by 1, 2, 3, 4`,
    [JSON.stringify(wanted)],
  );
  return [
    ...violated('I2', 'a step has postings of more than one transaction', doubled.rows),
    ...violated('I2', 'a step has other postings than expected', wrong.rows),
  ];
}

/**
 * I3: no effect without its record. Each ledger entry's transaction also inserted a record of that workflow, or, for a transaction that is
 * called directly, its outcome. Needs the audit.
 */
export async function checkEffectsRecorded(client: ClientBase, check: LedgerCheck = {}): Promise<Violation[]> {
  const [{ ledger }, names] = both(check);
  const { rows } = await client.query(`select l.workflow_id, l.step, l.xid::text, count(*)::int as entries from ${ledger} l
    where not exists (select from ${names.record} r where r.workflow_id = l.workflow_id and r.xid = l.xid)
      and not exists (select from ${names.statusAudit} s where s.workflow_id = l.workflow_id and s.xid = l.xid and ${directOutcome('s')})
    group by 1, 2, 3 order by 1, 2`);
  return violated('I3', 'a ledger entry has no record in its transaction', rows);
}

/**
 * I4: no record without its effect. Each record of a writing function that did not fail has ledger entries of the same transaction. Needs the audit.
 *
 * @param writing names of the functions that always post, as stored: `Accounts.debit`
 */
export async function checkRecordsEffective(client: ClientBase, writing: readonly string[], check: LedgerCheck = {}): Promise<Violation[]> {
  const [{ ledger }, names] = both(check);
  const { rows } = await client.query(
    `select r.workflow_id, r.step_id, r.name, r.xid::text from ${names.record} r
      where r.name = any($1) and r.kind in ('transaction', 'procedure') and r.error is null
        and not exists (select from ${ledger} l where l.workflow_id = r.workflow_id and l.xid = r.xid)
    union all
    select s.workflow_id, null, w.name, s.xid::text from ${names.statusAudit} s join ${names.workflow} w using (workflow_id)
      where w.name = any($1) and ${directOutcome('s')} and s.new_status = 'SUCCESS' and s.old_status is distinct from 'SUCCESS'
        and not exists (select from ${ledger} l where l.workflow_id = s.workflow_id and l.xid = s.xid)
    order by 1, 2`,
    [writing],
  );
  return violated('I4', 'a record of a writing function has no ledger entry of its transaction', rows);
}

/** I1 to I4 at once. */
export async function checkLedger(
  client: ClientBase,
  expectations: { readonly expected?: readonly ExpectedPosting[]; readonly writing?: readonly string[] },
  check: LedgerCheck = {},
): Promise<Violation[]> {
  return [
    ...(await checkBalances(client, check)),
    ...(await checkPostings(client, expectations.expected, check)),
    ...(await checkEffectsRecorded(client, check)),
    ...(await checkRecordsEffective(client, expectations.writing ?? [], check)),
  ];
}

/** A transaction or procedure called directly has no record of its own: its outcome, in the same commit, is the record. */
function directOutcome(alias: string): string {
  return `${alias}.kind in ('transaction', 'procedure') and ${alias}.new_status in ('SUCCESS', 'ERROR', 'CANCELLED')`;
}

function both(check: LedgerCheck): [LedgerNames, AuditNames] {
  return [ledgerNames(check.schema), auditNames(check.engineSchema ?? 'apiary', check.schema)];
}
