/** Lists of workflows: keyset pages by (created_at, workflow_id), so that a page never skips or repeats a row that stays. */
import { raise } from '@apiary/decorators/internal';
import type { Executor } from '../executor/executor.js';
import { workflowColumns, type StoredWorkflow } from '../store/statements/read.js';
import { whereOf } from './filter.js';
import { summaryOf } from './info.js';
import type { Listing, Page, WorkflowFilter, WorkflowSummary } from './types.js';

const defaultLimit = 100;
const maxLimit = 1000;

type ListedRow = StoredWorkflow & { readonly position: string };

/** Awaited it is one page, iterated over all of them. Checks the filter at once. */
export function listing(executor: Executor, filter: WorkflowFilter = {}): Listing<WorkflowSummary> {
  const checked = check(filter);
  let first: Promise<Page<WorkflowSummary>> | undefined;
  const page = (): Promise<Page<WorkflowSummary>> => (first ??= read(executor, checked));
  return {
    [Symbol.toStringTag]: 'Listing',
    then: (resolved, rejected) => page().then(resolved, rejected),
    catch: (rejected) => page().catch(rejected),
    finally: (done) => page().finally(done),
    async *[Symbol.asyncIterator]() {
      for (let after = checked.after; ;) {
        const { items, next } = await read(executor, { ...checked, after });
        yield* items;
        if (next === undefined) return;
        after = next;
      }
    },
  };
}

interface Checked {
  readonly filter: WorkflowFilter;
  readonly limit: number;
  readonly descending: boolean;
  readonly after: string | undefined;
}

function check(filter: WorkflowFilter): Checked {
  if (typeof filter !== 'object' || filter === null) raise('CONFIG', { path: 'filter', problem: 'not an object' });
  const { limit = defaultLimit, order = 'newest', after } = filter;
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit)
    raise('CONFIG', { path: 'filter.limit', problem: `${String(limit)} is no whole number from 1 to ${maxLimit}` });
  if (order !== 'newest' && order !== 'oldest') raise('CONFIG', { path: 'filter.order', problem: `${JSON.stringify(order)} is neither 'newest' nor 'oldest'` });
  if (after !== undefined) cursor(after);
  whereOf(filter);
  return { filter, limit, descending: order === 'newest', after };
}

async function read({ store, readers }: Executor, { filter, limit, descending, after }: Checked): Promise<Page<WorkflowSummary>> {
  await readers.shown();
  const { text, values } = whereOf(filter);
  const direction = descending ? 'desc' : 'asc';
  const conditions = [text];
  if (after !== undefined) {
    const [at, id] = cursor(after);
    conditions.push(`(w.created_at, w.workflow_id) ${descending ? '<' : '>'} ($${values.push(at)}::timestamptz, $${values.push(id)})`);
  }
  const statement = {
    text: `select ${workflowColumns}, to_char(w.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as position
      from ${store.names.workflow} w where ${conditions.join(' and ')}
      order by w.created_at ${direction}, w.workflow_id ${direction} limit ${limit + 1}`,
    values,
  };
  const rows = await store.untilAnswered((s) => s.connections.system(async (c) => ((await c.fly([statement]))[0]?.rows ?? []) as unknown as ListedRow[]));
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  if (rows.length <= limit || last === undefined) return { items: items.map(summaryOf) };
  return { items: items.map(summaryOf), next: Buffer.from(JSON.stringify([last.position, last.workflowId])).toString('base64url') };
}

/** @throws CONFIG for what is no cursor of ours */
function cursor(after: string): [string, string] {
  try {
    const value: unknown = JSON.parse(Buffer.from(after, 'base64url').toString());
    if (
      Array.isArray(value) &&
      value.length === 2 &&
      typeof value[0] === 'string' &&
      typeof value[1] === 'string' &&
      !/[\0\p{Surrogate}]/u.test(value[1]) &&
      !Number.isNaN(Date.parse(value[0]))
    )
      return [value[0], value[1]];
  } catch {
    /* told below */
  }
  return raise('CONFIG', { path: 'filter.after', problem: 'not the `next` of a page' });
}
