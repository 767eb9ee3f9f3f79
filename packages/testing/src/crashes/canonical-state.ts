import { namesOf, type Names } from '@apiary/core/internal';
import pg from 'pg';
import { until } from '../faults/until.js';
import { rewindSchema } from '../kit/rewind.js';
import type { ClientOutcome } from './task.js';

/** All that a run left behind, in a form in which two runs that did the same are equal. */
export interface CanonicalState {
  /** A line for each row of the user's tables, each workflow, each record, each call outside, and what the client got. */
  readonly lines: readonly string[];
  /** What must not be in any run. */
  readonly violations: readonly string[];
}

interface Row {
  readonly table: string;
  readonly row: Readonly<Record<string, unknown>>;
}

const userRow = 'row of ';
const backendsWithinMs = 10_000;

/** Columns whose value says when, where or by whom, and not what. */
const volatileWorkflow = [
  'executor_id',
  'epoch',
  'attempts',
  'recoveries',
  'claimed_records',
  'deadline',
  'wake_at',
  'xid',
  'created_at',
  'updated_at',
  'records',
];
const volatileRecord = ['executor_id', 'epoch', 'attempts', 'started_at', 'completed_at', 'xid', 'input_hash'];

/** What was read, before values that differ from run to run got their labels. */
export interface RawState {
  readonly lines: readonly string[];
  readonly records: readonly Row['row'][];
  readonly violations: readonly string[];
  /** Values of columns that number rows by themselves. */
  readonly serials: ReadonlySet<string>;
}

/** Of a run that is over: nobody may be connected any more. */
export async function readState(database: string, schema: string, calls: readonly string[], outcome: ClientOutcome): Promise<CanonicalState> {
  const told = [...calls.map((call) => `call ${call}`), `the client got ${JSON.stringify(outcome)}`];
  const { lines, records, violations } = await readRaw(database, schema, told);
  const client = await connect(database);
  try {
    return { lines: withLabels(lines, records), violations: [...violations, ...(await leftovers(client, namesOf(schema)))] };
  } finally {
    await client.end();
  }
}

/** @param told lines of what is not in the database */
export async function readRaw(database: string, schema: string, told: readonly string[]): Promise<RawState> {
  const client = await connect(database);
  try {
    const names = namesOf(schema);
    const workflows = await rows(client, names.workflow, volatileWorkflow);
    const records = await rows(client, names.history, volatileRecord);
    const own = await userRows(client, schema);
    const lines = [
      ...own.rows.map(({ table, row }) => `${userRow}${table} ${JSON.stringify(row)}`).sort(),
      ...workflows.map((row) => `workflow ${JSON.stringify(withPlainErrors(row))}`).sort(),
      ...records.map((row) => `record ${JSON.stringify(withPlainErrors(row))}`).sort(),
      ...told,
    ];
    return { lines, records, violations: [...unfinished(workflows), ...gaps(records)], serials: own.serials };
  } finally {
    await client.end();
  }
}

async function connect(database: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function rows(client: pg.Client, table: string, without: readonly string[]): Promise<Row['row'][]> {
  const { rows: found } = await client.query<{ row: Row['row'] }>(`select to_jsonb(t) - $1::text[] as row from ${table} t`, [without]);
  return found.map(({ row }) => row);
}

/** They may stand in the engine's schema too: it is the default one of an account of its name. */
export const engineTables = ['workflow_status', 'function_record', 'executor', 'schema_version'];

interface UserTable {
  readonly schema: string;
  readonly table: string;
  readonly skip: readonly string[];
  readonly numbered: readonly string[];
}

/** Without columns that number or date rows by themselves. */
async function userRows(client: pg.Client, schema: string): Promise<{ readonly rows: readonly Row[]; readonly serials: ReadonlySet<string> }> {
  const { rows: tables } = await client.query<UserTable>(
    `select c.table_schema as schema, c.table_name as table,
       coalesce(array_agg(c.column_name::text) filter (where c.is_identity = 'YES' or c.column_default like 'nextval(%' or c.data_type like 'timestamp%'), '{}') as skip,
       coalesce(array_agg(c.column_name::text) filter (where c.is_identity = 'YES' or c.column_default like 'nextval(%'), '{}') as numbered
     from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
     where t.table_type = 'BASE TABLE' and c.table_schema <> 'information_schema' and c.table_schema not like 'pg\\_%' and c.table_schema <> $3
       and not (c.table_schema = $1 and c.table_name = any($2))
     group by 1, 2 order by 1, 2`,
    [schema, engineTables, rewindSchema],
  );
  const out: Row[] = [];
  const serials = new Set<string>();
  for (const { schema: in_, table, skip, numbered } of tables) {
    const name = [in_, table].map((part) => `"${part.replaceAll('"', '""')}"`).join('.');
    for (const row of await rows(client, name, [])) {
      for (const column of numbered) serials.add(String(row[column]));
      out.push({ table, row: Object.fromEntries(Object.entries(row).filter(([column]) => !skip.includes(column))) });
    }
  }
  return { rows: out, serials };
}

/** Stacks name lines of the engine, and a replayed error was thrown elsewhere. */
function withPlainErrors(row: Row['row']): Row['row'] {
  const { error } = row;
  if (typeof error !== 'string') return row;
  return { ...row, error: JSON.parse(error, (key, value: unknown) => (key === 'stack' ? undefined : value)) as unknown };
}

/**
 * Recorded times, random numbers and ids differ from run to run: each is called by its record wherever it stands. One that stands
 * somewhere and is not the recorded one keeps its look, and makes a difference.
 */
export function withLabels(lines: readonly string[], records: readonly Row['row'][], also: ReadonlySet<string> = new Set()): string[] {
  const labels = new Map<string, string>();
  for (const record of records) {
    const { kind, output } = record;
    const recorded = kind === 'value' || kind === 'sleep';
    const label = recorded ? `<${String(kind)} ${placeOf(record)}>` : `<result of ${placeOf(record)}>`;
    const text = String(output);
    if (recorded) labels.set(text.startsWith('"') ? text.slice(1, -1) : text, label);
    else if (also.has(placeOf(record))) for (const value of valuesIn(text)) labels.set(value, label);
  }
  return lines.map((line) => [...labels].reduce((text, [value, label]) => text.replaceAll(value, label), line));
}

export function placeOf({ workflow_id: workflow, step_id: step }: Row['row']): string {
  return `${String(workflow)}/${String(step)}`;
}

/** Shorter ones stand everywhere. */
const tellingLength = 6;

/** What in a result is long enough to be known again elsewhere. */
function valuesIn(output: string): readonly string[] {
  const found: string[] = [];
  JSON.parse(output, (_key, value: unknown) => {
    if (typeof value === 'string' || typeof value === 'number') found.push(String(value));
    return value;
  });
  return found.filter((value) => value.length >= tellingLength).sort((a, b) => b.length - a.length);
}

function unfinished(workflows: readonly Row['row'][]): string[] {
  return workflows
    .filter(({ status }) => ['PENDING', 'ENQUEUED', 'DELAYED'].includes(String(status)))
    .map((w) => `${String(w['workflow_id'])} is left ${String(w['status'])}`);
}

/** The steps of a workflow are numbered without gaps. */
function gaps(records: readonly Row['row'][]): string[] {
  const steps = new Map<string, number[]>();
  for (const { workflow_id: id, step_id: step } of records) steps.set(String(id), [...(steps.get(String(id)) ?? []), Number(step)]);
  return [...steps]
    .filter(([, ids]) => ids.sort((a, b) => a - b).some((id, i) => id !== i))
    .map(([id, ids]) => `the records of ${id} have gaps: ${ids.join(', ')}`);
}

/** What holds something when nobody is there any more. */
async function leftovers(client: pg.Client, names: Names): Promise<string[]> {
  const open = await backendsAtTheEnd(client);
  const { rows: carried } = await client.query<{ id: string }>(
    `select workflow_id as id from ${names.workflow} where status <> 'PENDING' and wake_at is not null`,
  );
  return [
    ...open.map(({ pid, state, query }) => `backend ${pid} is left ${state}: ${query}`),
    ...carried.map(({ id }) => `${id} has ended and would be woken`),
  ];
}

interface Backend {
  readonly pid: number;
  readonly state: string;
  readonly query: string;
}

/** A backend takes its time to see that its client is gone. */
async function backendsAtTheEnd(client: pg.Client): Promise<readonly Backend[]> {
  let open: readonly Backend[] = [];
  const look = async (): Promise<boolean> => {
    ({ rows: open } = await client.query<Backend>(
      `select pid, state, query from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
    ));
    return open.length === 0;
  };
  await until('no backend is left', look, { within: backendsWithinMs }).catch(() => undefined);
  return open;
}

/** Whether the user's own tables were looked at: a comparison without them would prove little. */
export function hasUserRows(state: CanonicalState): boolean {
  return state.lines.some((line) => line.startsWith(userRow));
}

/** The lines that only one of the two has. */
export function differences(expected: CanonicalState, found: CanonicalState): string[] {
  const missing = subtract(expected.lines, found.lines).map((line) => `missing: ${line}`);
  const extra = subtract(found.lines, expected.lines).map((line) => `extra: ${line}`);
  return [...missing, ...extra, ...found.violations];
}

/** As bags: a row that is there twice is not one that is there once. */
function subtract(a: readonly string[], b: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of b) left.set(line, (left.get(line) ?? 0) + 1);
  return a.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}
