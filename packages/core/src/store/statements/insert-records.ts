/** Inserts records. Plain, like the start rows: a loser's effects must not commit. */
import type { RecordRow } from '../../executor/rows.js';
import type { Statement } from '../connection/statement.js';
import type { Names } from '../schema/names.js';
import { columns, unnest } from './values.js';

const list = [
  'workflow_id',
  'step_id',
  'name',
  'kind',
  'input_hash',
  'output',
  'executor_id',
  'epoch',
  'started_at',
  'completed_at',
  'error',
  'attempts',
  'child_id',
];
const types = ['text', 'text', 'text', 'text', 'text', 'text', 'text', 'int', 'bigint', 'bigint', 'text', 'int', 'text'];
const narrow = 10;

const cells = (r: RecordRow): unknown[] => [
  r.workflowId,
  r.stepId,
  r.name,
  r.kind,
  r.inputHash,
  r.output,
  r.executorId,
  r.epoch,
  Math.round(r.startedAt),
  Math.round(r.completedAt),
  r.error,
  r.attempts,
  r.childId,
];

export function insertRecords(names: Names): (rows: readonly RecordRow[]) => Statement {
  const text = (width: number) => `insert into ${names.record} (${list.slice(0, width).join(', ')})`;
  const oneText = (width: number) =>
    `${text(width)} values (${list
      .slice(0, width)
      .map((_, i) => `$${i + 1}`)
      .join(', ')})`;
  const manyText = (width: number) => `${text(width)} select * from ${unnest(types.slice(0, width))}`;
  const texts = { one: oneText(narrow), oneWide: oneText(list.length), many: manyText(narrow), manyWide: manyText(list.length) };
  const isNarrow = (r: RecordRow): boolean => r.error === null && r.attempts === 1 && r.childId === null;
  return (rows) => {
    const wide = !rows.every(isNarrow);
    const width = wide ? list.length : narrow;
    const [first] = rows;
    if (rows.length === 1 && first !== undefined) {
      return {
        name: wide ? 'apiary_record_wide' : 'apiary_record',
        text: wide ? texts.oneWide : texts.one,
        values: wide ? cells(first) : cells(first).slice(0, narrow),
      };
    }
    return { name: wide ? 'apiary_records_wide' : 'apiary_records', text: wide ? texts.manyWide : texts.many, values: columns(rows, cells, width) };
  };
}
