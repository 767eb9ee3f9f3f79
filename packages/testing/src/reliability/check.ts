import { Codec } from '@apiary/core/internal';
import type { ClientBase } from 'pg';
import { checkHistory } from '../history/check-history.js';
import type { HistoryTransaction, Operation } from '../history/history.js';
import { readClientJournal } from '../faults/client-journal.js';
import { checkLedger } from '../faults/ledger/ledger-invariants.js';
import { checkAcknowledged, checkResults, checkWitnessed } from '../faults/ledger/outside-invariants.js';
import { checkAllEnded, checkEpochs, checkTransitions } from '../faults/ledger/status-invariants.js';
import { violated, type Violation } from '../faults/ledger/violation.js';
import { postingsOf, type Job } from './bank.js';
import type { Cluster } from './cluster.js';

export interface Checked {
  readonly workflows: number;
  readonly violations: readonly Violation[];
}

/** I1 to I8, I11, I12, dense step ids, and that no workflow ran under two versions. */
export async function check(cluster: Cluster): Promise<Checked> {
  const codec = new Codec({ payload: Number.MAX_SAFE_INTEGER, payloadWarning: Number.MAX_SAFE_INTEGER, warn: () => {} });
  const known = [...readClientJournal(...cluster.journals).values()];
  return cluster.withAdmin(async (client) => {
    const { rows } = await client.query<{ id: string; status: string }>('select workflow_id as id, status from apiary.workflow_status');
    const succeeded = new Set(rows.filter(({ status }) => status === 'SUCCESS').map(({ id }) => id));
    const expected = known.filter(({ id }) => succeeded.has(id)).flatMap(({ input }) => postingsOf(input as Job));
    const gaps = await client.query(
      `select workflow_id, count(*)::int as records, max(step_id::int) as last from apiary.function_status group by 1 having count(*) <> max(step_id::int) + 1`,
    );
    const versions = await client.query(
      `select distinct w.workflow_id, w.app_version, e.app_version as ran_on from apiary.function_status f
        join apiary.workflow_status w using (workflow_id) join apiary.executor e on e.executor_id = f.executor_id where e.app_version <> w.app_version`,
    );
    return {
      workflows: rows.length,
      violations: [
        ...(await checkLedger(client, { expected, writing: ['Accounts.post', 'Accounts.move', 'Accounts.credit'] })),
        ...(await checkAcknowledged(client, known)),
        ...(await checkAllEnded(client)),
        ...(await checkResults(client, known, (output) => codec.decode(output))),
        ...(await checkWitnessed(client, cluster.witness.records, ['Mailer.receipt'], { stepOf: ({ key }) => stepOf(key) })),
        ...(await checkTransitions(client)),
        ...(await checkEpochs(client)),
        ...violated('history', 'what transactions saw has no serial order', await anomalies(client, codec)),
        ...violated('I13', 'steps of a workflow are not numbered without gaps', gaps.rows),
        ...violated('versions', 'a workflow ran on another version', versions.rows),
        ...violated(
          'I6',
          'a workflow was given up',
          rows.filter(({ status }) => status === 'DEAD'),
        ),
      ],
    };
  });
}

/** Of the list workflows that succeeded, by their stored outcomes: what each transaction saw. */
async function anomalies(client: ClientBase, codec: Codec): Promise<readonly object[]> {
  const { rows } = await client.query<{ id: string; output: string }>(
    `select workflow_id as id, output from apiary.workflow_status where name = 'Lists.lists' and status = 'SUCCESS'`,
  );
  if (rows.length === 0) return [];
  const history = rows.flatMap(({ id, output }) =>
    (codec.decode(output) as Operation[][]).map((operations, step): HistoryTransaction => ({
      ...{ id: `${id}#${step}`, status: 'ok', operations, source: { workflowId: id, stepId: String(step) } },
    })),
  );
  const lists = await client.query<{ key: number; elements: string[] }>('select key, array_agg(element order by entry) as elements from bank.list group by 1');
  return checkHistory(history, { final: new Map(lists.rows.map(({ key, elements }) => [key, elements])) });
}

function stepOf(key: string): { readonly workflowId: string; readonly stepId: string } {
  const at = key.lastIndexOf('-');
  return { workflowId: key.slice(0, at), stepId: key.slice(at + 1) };
}
