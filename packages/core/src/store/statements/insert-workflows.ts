/**
 * Inserts start rows, complete ones included. Plain: a conflict must fail the flight, and with it the COMMIT behind it (DESIGN 4.2).
 * A few rows are sent as VALUES, more by COPY or as one `unnest`. The narrow form leaves out what most rows do not have.
 */
import type { StartRow } from '../../executor/rows.js';
import type { Statement } from '../connection/statement.js';
import type { Names } from '../schema/names.js';
import { columns, copiedCell, copiedText, leastCopied, mostValues, placeholders, unnest } from './values.js';

const base = [
  'workflow_id',
  'name',
  'kind',
  'status',
  'input',
  'input_hash',
  'output',
  'error',
  'executor_id',
  'epoch',
  'app_version',
  'records',
  'parent_id',
  'root_id',
];
const baseTypes = ['text', 'text', 'text', 'text', 'text', 'text', 'text', 'text', 'text', 'int', 'text', 'text', 'text', 'text'];
const narrow = 12;

const narrowCells = (row: StartRow): readonly unknown[] => [
  row.workflowId,
  row.name,
  row.kind,
  row.outcome?.status ?? 'PENDING',
  row.input,
  row.inputHash,
  row.outcome?.output ?? null,
  row.outcome?.error ?? null,
  row.executorId,
  row.epoch,
  row.version,
  row.records,
];
const cells = (row: StartRow): readonly unknown[] => [...narrowCells(row), row.parentId, row.rootId];

/** The same as lines of COPY, without a list of cells for each. */
function lines(rows: readonly StartRow[]): string {
  let out = '';
  for (const r of rows) {
    const { outcome } = r;
    const [id, name, version, input] = [copiedText(r.workflowId), copiedText(r.name), copiedText(r.version), copiedCell(r.input)];
    const ended = outcome === null ? '\\N\t\\N' : `${copiedCell(outcome.output)}\t${copiedCell(outcome.error)}`;
    out += `${id}\t${name}\t${r.kind}\t${outcome?.status ?? 'PENDING'}\t${input}\t${r.inputHash}\t${ended}\t${r.executorId}\t${r.epoch}\t${version}\t`;
    out += `${copiedCell(r.records)}\t${copiedCell(r.parentId)}\t${copiedCell(r.rootId)}\n`;
  }
  return out;
}

export interface InsertWorkflows {
  plain(rows: readonly StartRow[], offsetMs: number, mayCopy: boolean): Statement;
  /** For rows of other workflows: gives the ids that were inserted. */
  absent(rows: readonly StartRow[], offsetMs: number): Statement;
}

export function insertWorkflows(names: Names): InsertWorkflows {
  // The clock offset is zero outside tests; the default of the column (the database's clock) then serves and nothing is bound.
  const list = base.slice(0, narrow).join(', ');
  const few = Array.from({ length: mostValues + 1 }, (_, rows) => `insert into ${names.workflow} (${list}) values ${placeholders(rows, narrow)}`);
  const many = `insert into ${names.workflow} (${list}) select * from ${unnest(baseTypes.slice(0, narrow))}`;
  const copy = `copy ${names.workflow} (${base.join(', ')}) from stdin`;
  const wideTypes = [...baseTypes, 'float8'];
  const wide = `insert into ${names.workflow} (${base.join(', ')}, deadline, created_at, updated_at)
    select ${base.map((c) => `t.${c}`).join(', ')}, to_timestamp(t.deadline / 1000), now_.at, now_.at
    from ${unnest(wideTypes)} as t(${base.join(', ')}, deadline),
      (select clock_timestamp() + $${wideTypes.length + 1} * interval '1 millisecond' as at) as now_`;
  const wideCells = (row: StartRow): readonly unknown[] => [...cells(row), row.deadline];
  const isNarrow = (row: StartRow): boolean => row.parentId === null && row.deadline === null;
  const wideStatement = (rows: readonly StartRow[], offsetMs: number, name: string, tail: string): Statement => ({
    name,
    text: wide + tail,
    values: [...columns(rows, wideCells, wideTypes.length), offsetMs],
  });
  return {
    plain(rows, offsetMs, mayCopy) {
      if (mayCopy && rows.length >= leastCopied && offsetMs === 0 && rows.every((row) => row.deadline === null)) {
        return { name: 'apiary_start_copy', text: copy, copy: lines(rows) };
      }
      if (offsetMs !== 0 || !rows.every(isNarrow)) return wideStatement(rows, offsetMs, 'apiary_start_wide', '');
      if (rows.length > mostValues) return { name: 'apiary_starts', text: many, values: columns(rows, narrowCells, narrow) };
      return {
        name: `apiary_start_${rows.length}`,
        text: few[rows.length] as string,
        values: rows.length === 1 ? narrowCells(rows[0] as StartRow) : rows.flatMap(narrowCells),
      };
    },
    absent: (rows, offsetMs) => wideStatement(rows, offsetMs, 'apiary_start_absent', ' on conflict (workflow_id) do nothing returning workflow_id'),
  };
}
