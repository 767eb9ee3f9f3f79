/**
 * The last statement of a @Procedure, wrapped so that the server itself records what it returned: the result is known nowhere else
 * before COMMIT. Row counts and size are checked there too, raising, so that the whole flight fails (DESIGN 4.8).
 */
import type { RecordRow } from '../../executor/rows.js';
import type { Statement } from '../connection/statement.js';
import type { Names } from '../schema/names.js';
import { completing, vain } from './update-outcomes.js';

export type Shape = 'rows' | 'one' | 'maybe' | 'count';
/** SQLSTATEs that the wrapper raises; the message is the number of rows or bytes. */
export const wrongRowCount = 'APR01';
export const tooLarge = 'APP01';

export interface RecordedBy {
  /** A record of a step of a workflow. */
  readonly record?: RecordRow;
  /** The outcome of a direct call: its row is inserted complete, or completed. */
  readonly workflow?: {
    readonly insert: boolean;
    readonly workflowId: string;
    readonly name: string;
    readonly input: string | null;
    readonly inputHash: string;
    readonly executorId: string;
    readonly epoch: number;
    readonly version: string;
  };
}

/** @param returnsRows whether the server says that the statement gives rows */
export function recordProcedure(names: Names, last: Statement, shape: Shape, returnsRows: boolean, by: RecordedBy, limit: number): Statement {
  const values = [...(last.values ?? [])];
  const bind = (value: unknown, type: string): string => `$${values.push(value)}::${type}`;
  const limitAt = bind(limit, 'int');
  const source = returnsRows || shape === 'count' ? `r as (\n${last.text}\n${returnsRows ? '' : 'returning 1 as n'}\n), ` : '';
  // OFFSET 0: the output is made once, and not again for each place where it stands.
  const output = `(select case when octet_length(output) > ${limitAt} then ${names.refuse}('${tooLarge}', octet_length(output)::text) else output end as output
      from (${outputOf(names, shape, source !== '')} offset 0) as o) as g`;
  const write = by.record !== undefined ? recordInsert(names, by.record, bind) : workflowWrite(names, by.workflow as NonNullable<RecordedBy['workflow']>, bind);
  return { text: `with ${source}f as (${write(output)}, output)\n    select output from f`, values, name: undefined };
}

function outputOf(names: Names, shape: Shape, hasRows: boolean): string {
  const refuse = `${names.refuse}('${wrongRowCount}', n::text)`;
  const counted = hasRows ? `(select count(*) as n, json_agg(r) as j from r) as c` : `(select 0 as n, null::json as j) as c`;
  const expression = {
    rows: `coalesce(j::text, '[]')`,
    one: `case when n = 1 then (j -> 0)::text else ${refuse} end`,
    maybe: `case when n <= 1 then (j -> 0)::text else ${refuse} end`,
    count: 'n::text',
  }[shape];
  return `select ${expression} as output from ${counted}`;
}

type Bind = (value: unknown, type: string) => string;
/** A statement that writes the `output` of this source and ends in a RETURNING list. */
type Write = (source: string) => string;

function recordInsert(n: Names, r: RecordRow, bind: Bind): Write {
  const columns = 'workflow_id, step_id, name, kind, input_hash, executor_id, epoch, started_at, completed_at, attempts, output';
  const values = [
    ...[r.workflowId, r.stepId, r.name, r.kind, r.inputHash, r.executorId].map((value) => bind(value, 'text')),
    ...[bind(r.epoch, 'int'), bind(Math.round(r.startedAt), 'bigint'), bind(Math.round(r.completedAt), 'bigint'), bind(r.attempts, 'int')],
  ];
  return (source) => `insert into ${n.record} (${columns}) select ${values.join(', ')}, g.output from ${source} returning step_id`;
}

function workflowWrite(n: Names, w: NonNullable<RecordedBy['workflow']>, bind: Bind): Write {
  const owner = [bind(w.workflowId, 'text'), bind(w.executorId, 'text'), bind(w.epoch, 'int'), `'SUCCESS'`];
  const columns = 'workflow_id, executor_id, epoch, status';
  if (!w.insert) {
    return (source) => `insert into ${n.workflow} as w (${columns}, ${vain.columns}, output) select ${owner.join(', ')}, ${vain.values}, g.output from ${source}
      ${completing(n, 'output = excluded.output, updated_at = clock_timestamp()')}`;
  }
  const rest = [bind(w.name, 'text'), `'procedure'`, bind(w.input, 'text'), bind(w.inputHash, 'text'), bind(w.version, 'text')];
  return (
    source,
  ) => `insert into ${n.workflow} (${columns}, name, kind, input, input_hash, app_version, output) select ${[...owner, ...rest].join(', ')}, g.output from ${source}
      returning workflow_id`;
}
