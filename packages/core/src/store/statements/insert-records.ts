/** Inserts records. Plain, like the start rows: a loser's effects must not commit. */
import type { RecordRow } from '../../executor/rows.js';
import type { Statement } from '../connection/statement.js';
import type { Names } from '../schema/names.js';
import { columns, copied, copiedCell, copiedText, leastCopied, mostValues, placeholders, unnest } from './values.js';

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

const narrowCells = (r: RecordRow): unknown[] => [
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
];
/** The same as lines of COPY: most records of a busy executor go this way, without a list of cells for each. */
function narrowLines(rows: readonly RecordRow[]): string {
  let out = '';
  for (const r of rows) {
    // What stands between is made by the engine, or by the rules of names, without a character that COPY takes for its own.
    out += `${copiedText(r.workflowId)}\t${r.stepId}\t${copiedText(r.name)}\t${r.kind}\t${r.inputHash ?? '\\N'}\t${copiedCell(r.output)}\t${r.executorId}\t${r.epoch}\t${Math.round(r.startedAt)}\t${Math.round(r.completedAt)}\n`;
  }
  return out;
}
const wideCells = (r: RecordRow): unknown[] => [...narrowCells(r), r.error, r.attempts, r.childId];

/** One form of the statement: its columns, and how many rows at once. */
class Form {
  readonly #name: string;
  readonly #into: string;
  readonly #width: number;
  readonly #cells: (row: RecordRow) => unknown[];
  readonly #byRows: Statement[] = [];
  readonly #many: Statement;
  readonly #copy: Statement;
  readonly #lines: (rows: readonly RecordRow[]) => string;

  constructor(names: Names, name: string, width: number, cells: (row: RecordRow) => unknown[], lines: (rows: readonly RecordRow[]) => string) {
    const target = `${names.record} (${list.slice(0, width).join(', ')})`;
    this.#name = name;
    this.#into = `insert into ${target}`;
    this.#width = width;
    this.#cells = cells;
    this.#lines = lines;
    this.#many = { name: `${name}s`, text: `${this.#into} select * from ${unnest(types.slice(0, width))}` };
    this.#copy = { name: `${name}_copy`, text: `copy ${target} from stdin` };
  }

  of(rows: readonly RecordRow[], mayCopy: boolean): Statement {
    if (mayCopy && rows.length >= leastCopied) return { ...this.#copy, copy: this.#lines(rows) };
    if (rows.length > mostValues) return { ...this.#many, values: columns(rows, this.#cells, this.#width) };
    const { name, text } = (this.#byRows[rows.length] ??= {
      name: `${this.#name}_${rows.length}`,
      text: `${this.#into} values ${placeholders(rows.length, this.#width)}`,
    });
    return { name, text, values: rows.length === 1 ? this.#cells(rows[0] as RecordRow) : rows.flatMap(this.#cells) };
  }
}

export function insertRecords(names: Names): (rows: readonly RecordRow[], mayCopy: boolean) => Statement {
  const narrowForm = new Form(names, 'apiary_record', narrow, narrowCells, narrowLines);
  const wideForm = new Form(names, 'apiary_record_wide', list.length, wideCells, (rows) => copied(rows, wideCells));
  const isNarrow = (r: RecordRow): boolean => r.error === null && r.attempts === 1 && r.childId === null;
  return (rows, mayCopy) => (rows.every(isNarrow) ? narrowForm : wideForm).of(rows, mayCopy);
}
