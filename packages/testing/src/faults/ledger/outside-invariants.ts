import type { ClientBase } from 'pg';
import { isDeepStrictEqual } from 'node:util';
import type { ClientKnowledge } from '../client-journal.js';
import { groupByKey, type WitnessRecord } from '../witness.js';
import { auditNames } from './audit.js';
import type { LedgerCheck } from './ledger-invariants.js';
import { violated, type Violation } from './violation.js';

/** I5: each start that was acknowledged has a workflow, each that was refused as not started has none. */
export async function checkAcknowledged(client: ClientBase, known: Iterable<ClientKnowledge>, check: LedgerCheck = {}): Promise<Violation[]> {
  const { workflow } = auditNames(check.engineSchema ?? 'apiary', check.schema);
  const all = [...known];
  const { rows } = await client.query<{ workflow_id: string }>(`select workflow_id from ${workflow} where workflow_id = any($1)`, [all.map(({ id }) => id)]);
  const stored = new Set(rows.map((row) => row.workflow_id));
  return [
    ...violated(
      'I5',
      'an acknowledged workflow is lost',
      all.filter(({ id, start }) => start === 'acknowledged' && !stored.has(id)).map(({ id }) => ({ id })),
    ),
    ...violated(
      'I5',
      'a workflow exists whose start was refused',
      all.filter(({ id, start }) => start === 'not started' && stored.has(id)).map(({ id }) => ({ id })),
    ),
  ];
}

/**
 * I7: all clients saw the same outcome of a workflow at all times, and it is the stored one.
 *
 * @param decode reads a stored output, as the engine's codec does
 */
export async function checkResults(
  client: ClientBase,
  known: Iterable<ClientKnowledge>,
  decode: (output: string | null) => unknown,
  check: LedgerCheck = {},
): Promise<Violation[]> {
  const { workflow } = auditNames(check.engineSchema ?? 'apiary', check.schema);
  const seen = [...known].filter(({ results }) => results.length > 0);
  const { rows } = await client.query<{ workflow_id: string; status: string; output: string | null }>(
    `select workflow_id, status, output from ${workflow} where workflow_id = any($1)`,
    [seen.map(({ id }) => id)],
  );
  const stored = new Map(rows.map((row) => [row.workflow_id, { status: row.status, value: row.status === 'SUCCESS' ? plain(decode(row.output)) : undefined }]));
  const flips: object[] = [];
  const differs: object[] = [];
  for (const { id, results } of seen) {
    const [first] = results;
    const other = results.find((result) => !isDeepStrictEqual(result, first));
    if (other !== undefined) flips.push({ id, first, other });
    const outcome = stored.get(id);
    const same = outcome?.status === first?.status && (outcome?.status !== 'SUCCESS' || isDeepStrictEqual(outcome.value, first?.value));
    if (!same) differs.push({ id, seen: first, stored: outcome });
  }
  return [...violated('I7', 'two clients saw two outcomes', flips), ...violated('I7', 'the stored outcome is not the one that a client saw', differs)];
}

export interface WitnessCheck extends LedgerCheck {
  /** Which step made a call; a communicator may tell only its idempotency key. Default: the call's own `workflowId` and `stepId`. */
  readonly stepOf?: (call: WitnessRecord) => { readonly workflowId?: string; readonly stepId?: string };
}

/**
 * I8: each recorded communicator call was made, and none was begun after its record was inserted. The witness and the database must read the
 * same clock. A call that tells when it was begun (`at`) may arrive later: a process that is suspended between the look at its lease and the
 * write to the socket is beyond any fence (DESIGN 4.7). Needs the audit.
 *
 * @param names the communicators that call the witness, as stored: `Mailer.receipt`
 */
export async function checkWitnessed(
  client: ClientBase,
  calls: readonly WitnessRecord[],
  names: readonly string[],
  check: WitnessCheck = {},
): Promise<Violation[]> {
  const { record, recordAudit } = auditNames(check.engineSchema ?? 'apiary', check.schema);
  const { rows } = await client.query<{ workflow_id: string; step_id: string; at: string; failed: boolean }>(
    `select r.workflow_id, r.step_id, extract(epoch from a.at) * 1000 as at, r.error is not null as failed
      from ${record} r join ${recordAudit} a using (workflow_id, step_id, xid) where r.kind = 'communicator' and r.name = any($1)`,
    [names],
  );
  const stepKey = (call: WitnessRecord): string => {
    const { workflowId, stepId } = (check.stepOf ?? ((own) => own))(call);
    return JSON.stringify([workflowId, stepId]);
  };
  const byStep = new Map<string, WitnessRecord[]>();
  for (const call of calls) byStep.set(stepKey(call), [...(byStep.get(stepKey(call)) ?? []), call]);
  const missing: object[] = [];
  const late: object[] = [];
  for (const row of rows) {
    const made = byStep.get(JSON.stringify([row.workflow_id, row.step_id])) ?? [];
    if (made.length === 0 && !row.failed) missing.push(row);
    // the witness's clock has whole milliseconds
    for (const call of made) if (Math.min(call.arrived, call.at ?? call.arrived) > Number(row.at) + 1) late.push({ call, recorded: Number(row.at) });
  }
  const keys = [...byStep.values()].filter((made) => new Set(made.map((call) => call.key)).size > 1);
  const shared = [...groupByKey(calls).values()].filter((made) => new Set(made.map(stepKey)).size > 1);
  return [
    ...violated('I8', 'a recorded communicator was never called', missing),
    ...violated('I8', 'a communicator was called after its record', late),
    ...violated(
      'I8',
      'tries of one step had different idempotency keys',
      keys.map((made) => ({ calls: made })),
    ),
    ...violated(
      'I8',
      'two steps had the same idempotency key',
      shared.map((made) => ({ calls: made })),
    ),
  ];
}

/** As the client's journal keeps it: through JSON. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}
