/** Histories of a database, read in one read-only transaction: nothing can be written through it. */
import { apiaryError, namesOf, reads, type RecordRow, type StoredWorkflow } from '@apiary/core/internal';
import type { Knex } from 'knex';
import pg from 'pg';
import { byStepId, type History } from './history.js';

/** Workflows read at once. */
const page = 100;

interface Client {
  query<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<{ rows: T[] }>;
}

/**
 * Gives every workflow's history, in the order of their ids, as one snapshot shows them.
 * @throws CONFIG if the database has no tables of Apiary, or those of several schemas
 */
export async function* storedHistories(database: string | Knex, pendingOnly: boolean): AsyncGenerator<History> {
  const { client, close } = await connect(database);
  try {
    await client.query('begin isolation level repeatable read read only');
    const schema = await schemaOf(client);
    const names = namesOf(schema);
    const { workflows, records } = reads(names);
    const filter = pendingOnly ? `and status in ('PENDING', 'ENQUEUED', 'DELAYED')` : '';
    const next = `select workflow_id as id from ${names.workflow} where workflow_id > $1 and kind = 'workflow' ${filter} order by 1 limit ${page}`;
    for (let after = ''; ;) {
      const ids = (await client.query<{ id: string }>(next, [after])).rows.map(({ id }) => id);
      const last = ids.at(-1);
      if (last === undefined) return;
      after = last;
      const rows = (await client.query<StoredWorkflow & pg.QueryResultRow>(workflows, [ids])).rows;
      const steps = (await client.query<RecordRow & pg.QueryResultRow>(records, [ids])).rows;
      yield* together(ids, rows, steps);
    }
  } finally {
    await client.query('rollback').catch(() => {});
    await close();
  }
}

function* together(ids: readonly string[], rows: readonly StoredWorkflow[], steps: readonly RecordRow[]): Generator<History> {
  const workflows = new Map(rows.map((row) => [row.workflowId, row]));
  const records = new Map<string, RecordRow[]>(ids.map((id) => [id, []]));
  for (const step of steps) records.get(step.workflowId)?.push(step);
  for (const id of ids) {
    const workflow = workflows.get(id);
    if (workflow !== undefined) yield { workflow, records: (records.get(id) ?? []).sort(byStepId) };
  }
}

async function connect(database: string | Knex): Promise<{ client: Client; close: () => Promise<void> }> {
  if (typeof database === 'string') {
    const client = new pg.Client({ connectionString: database, application_name: 'apiary replay check' });
    client.on('error', () => {});
    await client.connect();
    return { client, close: () => client.end() };
  }
  const pool = database.client as { acquireConnection(): Promise<Client>; releaseConnection(client: Client): Promise<void> };
  const client = await pool.acquireConnection();
  return { client, close: () => pool.releaseConnection(client) };
}

async function schemaOf(client: Client): Promise<string> {
  const { rows } = await client.query<{ schema: string }>(`select n.nspname as schema from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relname in ('workflow_status', 'function_status') and c.relkind in ('r', 'p', 'v') group by 1 having count(*) = 2 order by 1`);
  const schemas = rows.map(({ schema }) => schema);
  const only = schemas.length === 1 ? schemas[0] : schemas.find((schema) => schema === 'apiary');
  if (only !== undefined) return only;
  const problem = schemas.length === 0 ? 'holds no tables of Apiary' : `holds those of several apps: ${schemas.join(', ')}`;
  throw apiaryError('CONFIG', { path: 'database', problem });
}
