/** Filters of lists and selections, checked and turned into SQL. Values are bound, never pasted. */
import { raise } from '@apiary/decorators/internal';
import { statuses, type Selection, type WorkflowFilter } from './types.js';

export interface Where {
  readonly text: string;
  readonly values: unknown[];
}

const texts = new Map([
  ['workflowId', 'w.workflow_id'],
  ['name', 'w.name'],
  ['status', 'w.status'],
  ['version', 'w.app_version'],
  ['executorId', 'w.executor_id'],
  ['parentId', 'w.parent_id'],
]);
const single = new Set(['parentId', 'idPrefix']);
const times = new Map([
  ['createdAfter', '>'],
  ['createdBefore', '<'],
]);
const paging = new Set(['order', 'limit', 'after']);

/** @throws CONFIG, with the path of what is wrong */
export function whereOf(filter: WorkflowFilter, path = 'filter'): Where {
  const conditions: string[] = [];
  const values: unknown[] = [];
  for (const [key, value] of Object.entries(filter)) {
    if (value === undefined || paging.has(key)) continue;
    const column = texts.get(key);
    if (key === 'idPrefix') conditions.push(`w.workflow_id like $${values.push(`${text(value, `${path}.idPrefix`).replace(/[\\%_]/g, '\\$&')}%`)}`);
    else if (column !== undefined) conditions.push(`${column} = any($${values.push(list(value, key, path))}::text[])`);
    else if (times.has(key)) conditions.push(`w.created_at ${times.get(key)} $${values.push(date(value, `${path}.${key}`))}::timestamptz`);
    else raise('CONFIG', { path: `${path}.${key}`, problem: 'no such filter' });
  }
  return { text: conditions.length === 0 ? 'true' : conditions.join(' and '), values };
}

/** A selection that is empty, or holds `undefined`, might select everything by mistake. */
export function checkSelection(which: Selection): WorkflowFilter {
  if (typeof which !== 'object' || which === null) raise('CONFIG', { path: 'selection', problem: 'give conditions, or { all: true }' });
  const { all, ...filter } = which as Selection & Record<string, unknown>;
  for (const [key, value] of Object.entries(which))
    if (value === undefined) raise('CONFIG', { path: `selection.${key}`, problem: 'undefined: leave the key out, or give a value' });
  if (all !== undefined && all !== true) raise('CONFIG', { path: 'selection.all', problem: 'only true has a meaning' });
  for (const key of paging) if (key in filter) raise('CONFIG', { path: `selection.${key}`, problem: 'a selection has no pages' });
  if (Object.keys(filter).length === 0 && all !== true)
    raise('CONFIG', { path: 'selection', problem: 'empty: give conditions, or { all: true } for all workflows' });
  return filter as WorkflowFilter;
}

function list(value: unknown, key: string, path: string): string[] {
  const all = Array.isArray(value) && !single.has(key) ? (value as unknown[]) : [value];
  const out = all.map((v, i) => text(v, all.length > 1 ? `${path}.${key}.${i}` : `${path}.${key}`));
  if (key === 'status')
    for (const v of out)
      if (!(statuses as readonly string[]).includes(v))
        raise('CONFIG', { path: `${path}.status`, problem: `${JSON.stringify(v)} is none of ${statuses.join(', ')}` });
  return out;
}

function text(value: unknown, path: string): string {
  if (typeof value !== 'string') raise('CONFIG', { path, problem: 'not a string' });
  if (/[\0\p{Surrogate}]/u.test(value)) raise('CONFIG', { path, problem: 'holds NUL or is not well-formed Unicode' });
  return value;
}

function date(value: unknown, path: string): string {
  if (!(value instanceof Date) || Number.isNaN(value.getTime())) raise('CONFIG', { path, problem: 'not a valid Date' });
  return value.toISOString();
}
