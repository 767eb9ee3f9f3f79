/**
 * The last statement of a @Procedure, wrapped so that the server itself records what it returned: the result is known nowhere else
 * before COMMIT. Row counts and size are checked there too, raising, so that the whole flight fails (DESIGN 4.8).
 */
import type { RecordRow } from '../../executor/rows.js';
import type { Statement } from '../connection/statement.js';
import type { Names } from '../schema/names.js';
import { absent } from './update-outcomes.js';

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
  const insert =
    by.record !== undefined ? recordInsert(names, by.record, bind) : workflowWrite(names, by.workflow as NonNullable<RecordedBy['workflow']>, bind);
  const source = returnsRows || shape === 'count' ? `r as (\n${last.text}\n${returnsRows ? '' : 'returning 1 as n'}\n), ` : '';
  const text = `with ${source}o as materialized (${output(names, shape, source !== '')}),
    g as materialized (select case when octet_length(output) > ${limitAt} then ${names.refuse}('${tooLarge}', octet_length(output)::text) else output end as output from o),
    f as (${insert.text})
    select g.output${insert.check} from g`;
  return { text, values, name: undefined };
}

function output(names: Names, shape: Shape, hasRows: boolean): string {
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

function recordInsert(n: Names, r: RecordRow, bind: Bind): { text: string; check: string } {
  return {
    text: `insert into ${n.record} (workflow_id, step_id, name, kind, input_hash, output, executor_id, epoch, started_at, completed_at, attempts)
      select ${bind(r.workflowId, 'text')}, ${bind(r.stepId, 'text')}, ${bind(r.name, 'text')}, ${bind(r.kind, 'text')}, ${bind(r.inputHash, 'text')}, g.output,
        ${bind(r.executorId, 'text')}, ${bind(r.epoch, 'int')}, ${bind(Math.round(r.startedAt), 'bigint')}, ${bind(Math.round(r.completedAt), 'bigint')}, ${bind(r.attempts, 'int')} from g`,
    check: '',
  };
}

function workflowWrite(n: Names, w: NonNullable<RecordedBy['workflow']>, bind: Bind): { text: string; check: string } {
  if (w.insert) {
    return {
      text: `insert into ${n.workflow} (workflow_id, name, kind, status, input, input_hash, output, executor_id, epoch, app_version)
        select ${bind(w.workflowId, 'text')}, ${bind(w.name, 'text')}, 'procedure', 'SUCCESS', ${bind(w.input, 'text')}, ${bind(w.inputHash, 'text')}, g.output,
          ${bind(w.executorId, 'text')}, ${bind(w.epoch, 'int')}, ${bind(w.version, 'text')} from g`,
      check: '',
    };
  }
  return {
    // As in update-outcomes.ts.
    text: `insert into ${n.workflow} as w (workflow_id, name, kind, app_version, status, output, executor_id, epoch)
      select ${bind(w.workflowId, 'text')}, '', '${absent}', '', 'SUCCESS', g.output, ${bind(w.executorId, 'text')}, ${bind(w.epoch, 'int')} from g
      on conflict (workflow_id) do update set status = excluded.status, output = excluded.output, updated_at = clock_timestamp()
      where w.status = 'PENDING' and w.executor_id = excluded.executor_id and w.epoch = excluded.epoch returning kind`,
    check: `, case when (select count(*) from f where kind <> '${absent}') <> 1 then ${n.refuse}('APV01', 'an outcome matched no row') end`,
  };
}
