/**
 * Records that go to the database together with the start of their workflow travel in its row: a row and an index entry less for each (a
 * fifth more throughput for a workflow of one transaction). The view `function_status` shows them beside those of the table. The primary
 * key of the row guards them as that of the table guards the others. Records that come with an outcome have no such guard in an update,
 * so they are rows: of two executors that believe to own the workflow, the second has to run into the first one's record.
 */
import type { Cargo, RecordRow, StartRow } from '../../executor/rows.js';
import type { Names } from '../schema/names.js';
import { completed } from './completed.js';

/** More than these are cheaper as rows, and would make the workflow's own row long. */
const mostRecords = 8;
const mostBytes = 1500;

/** The cargo with its records in the rows of their workflows, where they fit. */
export function folded(cargo: Cargo): Cargo {
  const { starts, records } = cargo;
  if (records.length === 0 || starts.length === 0) return cargo;
  const [start] = starts;
  if (starts.length === 1 && start !== undefined && records.every((row) => row.workflowId === start.workflowId)) {
    const text = compact(records);
    if (text === undefined) return cargo;
    const { outcomes, parks, foreign } = cargo;
    return { starts: [completed(start, start.outcome, text)], records: [], outcomes, parks, foreign };
  }
  const left = byWorkflow(records);
  const whole = (row: StartRow): StartRow => {
    const mine = left.get(row.workflowId);
    const text = mine === undefined ? undefined : compact(mine);
    if (text === undefined) return row;
    left.delete(row.workflowId);
    return completed(row, row.outcome, text);
  };
  return { ...cargo, starts: starts.map(whole), records: left.size === 0 ? [] : records.filter((row) => left.has(row.workflowId)) };
}

function byWorkflow(records: readonly RecordRow[]): Map<string, RecordRow[]> {
  const out = new Map<string, RecordRow[]>();
  for (const row of records) {
    const mine = out.get(row.workflowId);
    if (mine === undefined) out.set(row.workflowId, [row]);
    else mine.push(row);
  }
  return out;
}

/** Short keys, since each is stored with each workflow. */
interface CompactRecord {
  readonly i: string;
  readonly n: string;
  readonly k: string;
  readonly h: string | undefined;
  readonly o: string | undefined;
  readonly e: string | undefined;
  readonly a: number | undefined;
  readonly c: string | undefined;
  readonly x: string;
  readonly p: number;
  readonly s: number;
  readonly t: number;
}

/** Undefined if they do not fit. */
function compact(records: readonly RecordRow[]): string | undefined {
  if (records.length > mostRecords) return undefined;
  let bytes = 0;
  for (const row of records) bytes += 100 + (row.output?.length ?? 0) + (row.error?.length ?? 0);
  return bytes > mostBytes ? undefined : JSON.stringify(records.map(compactRecord));
}

function compactRecord(r: RecordRow): CompactRecord {
  return {
    i: r.stepId,
    n: r.name,
    k: r.kind,
    h: r.inputHash ?? undefined,
    o: r.output ?? undefined,
    e: r.error ?? undefined,
    a: r.attempts === 1 ? undefined : r.attempts,
    c: r.childId ?? undefined,
    x: r.executorId,
    p: r.epoch,
    s: Math.round(r.startedAt),
    t: Math.round(r.completedAt),
  };
}

/** How many records a workflow has, in either place; `w` names its table in the statement. */
export function recordCount(names: Names): string {
  return `((select count(*)::int from ${names.record} f where f.workflow_id = w.workflow_id) + coalesce(json_array_length(w.records::json), 0))`;
}

export function foldedView(names: Names): string {
  return `create view ${names.history} as
    select workflow_id, step_id, name, kind, input_hash, output, error, attempts, child_id, executor_id, epoch, started_at, completed_at, xid from ${names.record}
    union all
    select w.workflow_id, r.i, r.n, r.k, r.h, r.o, r.e, coalesce(r.a, 1), r.c, r.x, r.p, r.s, r.t, w.xid
    from ${names.workflow} w cross join lateral json_to_recordset(w.records::json)
      as r(i text, n text, k text, h text, o text, e text, a int, c text, x text, p int, s bigint, t bigint)
    where w.records is not null`;
}
