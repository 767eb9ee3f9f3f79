/** Cancel, resume and fork: requests that go through the rows, whoever owns the workflow. */
import { apiaryError, raise } from '@apiary/decorators/internal';
import type { Executor } from '../executor/executor.js';
import { classify } from '../store/connection/classify.js';
import type { Result } from '../store/connection/statement.js';
import type { StoredWorkflow } from '../store/statements/read.js';
import { checkSelection, whereOf } from './filter.js';
import { compareStepIds } from './info.js';
import type { Selection, WorkflowStatus } from './types.js';

const batch = 500;
const cancellable: readonly WorkflowStatus[] = ['PENDING', 'ENQUEUED', 'DELAYED'];
const resumable: readonly WorkflowStatus[] = ['ERROR', 'CANCELLED', 'DEAD'];

export class Management {
  readonly #executor: Executor;

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /** Requests the cancellation of workflows that run, ends those that nobody runs, with their children. */
  async cancel(ids: readonly string[]): Promise<number> {
    const { store, clock, outside, tickets, observer } = this.#executor;
    const errors = ids.map((id) => outside.cancelledError(id));
    const { rows } = await store.untilAnswered((s) =>
      s.query<{ workflowId: string; status: WorkflowStatus; executorId: string | null }>('cancel', [ids, errors, clock.offsetMs]),
    );
    for (const { workflowId, executorId, status } of rows) {
      tickets.get(workflowId)?.run?.cancel();
      if (status !== 'CANCELLED' && executorId !== null && executorId !== this.#executor.id) this.#executor.notifications.cancelled(executorId);
    }
    observer.hint();
    // A workflow that somebody runs cancels its children itself, before it ends.
    const ended = rows.filter((row) => row.status === 'CANCELLED').map((row) => row.workflowId);
    if (ended.length > 0) {
      const children = await store.untilAnswered((s) => s.query<{ childId: string }>('children', [ended]));
      if (children.rows.length > 0) await this.cancel(children.rows.map((row) => row.childId));
    }
    return rows.length;
  }

  async resume(ids: readonly string[]): Promise<number> {
    const executor = this.#executor;
    const { store, clock, lifecycle } = executor;
    const { rows } = await this.#own<{ workflowId: string; parentId: string | null }>('resume', (me) => [ids, me, executor.version, clock.offsetMs]);
    const roots = rows.filter((row) => row.parentId === null);
    await lifecycle.adopt(async () => {
      const workflows = await store.untilAnswered((s) => s.workflows(rows.map((row) => row.workflowId)));
      return store.untilAnswered((s) => s.withRecords(workflows.filter((w) => w.status === 'PENDING' && w.executorId === executor.id)));
    });
    return roots.length;
  }

  async fork(workflowId: string, from: string, forkId: string): Promise<void> {
    const executor = this.#executor;
    const { store, lifecycle } = executor;
    if (!/^\d+(?:\/\d+)*$/.test(from))
      raise('CONFIG', { path: 'fork.from', problem: `${JSON.stringify(from)} is no id of a step, as in steps()` }, { workflowId });
    const origin = await store.untilAnswered((s) => s.workflow(workflowId));
    if (origin === undefined) throw apiaryError('NOT_FOUND', { workflowId }, { workflowId });
    const records = await store.untilAnswered((s) => s.records([workflowId]));
    const ids = records.map((r) => r.stepId);
    const before = ids.filter((id) => compareStepIds(id, from) < 0);
    if (!isWhole(ids, before, from, origin.status))
      raise('CONFIG', { path: 'fork.from', problem: `the steps before ${JSON.stringify(from)} are not all recorded yet` }, { workflowId });
    const [result] = (await this.#own<{ origins: number; made: number }>('fork', (me) => [workflowId, forkId, me, executor.version, before])).rows;
    if (result?.origins === 0) throw apiaryError('NOT_FOUND', { workflowId }, { workflowId });
    await lifecycle.adopt(async () => {
      const row = await store.untilAnswered((s) => s.workflow(forkId));
      if (row !== undefined && result?.made === 0) await this.#checkFork(workflowId, row);
      return row?.executorId === executor.id && row.status === 'PENDING' ? store.untilAnswered((s) => s.withRecords([row])) : [];
    });
  }

  /** Until it is answered, under whichever id this executor then has. */
  async #own<T>(name: 'resume' | 'fork', values: (executorId: string) => readonly unknown[]): Promise<Result<T>> {
    const executor = this.#executor;
    for (;;) {
      try {
        return await executor.store.untilAnswered(() => executor.owning<T>(name, values));
      } catch (error) {
        if (classify(error) !== 'fenced') throw error;
        if (executor.stopping) raise('SHUTTING_DOWN', {}, { cause: error });
        await executor.registering;
      }
    }
  }

  /** The id was taken: by the same fork, or by something else. */
  async #checkFork(origin: string, row: StoredWorkflow): Promise<void> {
    const from = await this.#executor.store.untilAnswered((s) => s.workflow(origin));
    if (from !== undefined && from.name !== row.name)
      throw apiaryError('CONFLICT', { stored: row.name, given: from.name, field: 'function' }, { workflowId: row.workflowId });
    if (from !== undefined && from.inputHash !== row.inputHash) {
      throw apiaryError('CONFLICT', { stored: row.inputHash ?? '', given: from.inputHash ?? '', field: 'input' }, { workflowId: row.workflowId });
    }
  }

  cancelAll(which: Selection): Promise<number> {
    return this.#each(which, cancellable, (ids) => this.cancel(ids));
  }

  resumeAll(which: Selection): Promise<number> {
    return this.#each(which, resumable, (ids) => this.resume(ids));
  }

  /** In bounded batches, by workflow id: what an earlier batch changed does not come again. */
  async #each(which: Selection, statuses: readonly WorkflowStatus[], act: (ids: readonly string[]) => Promise<number>): Promise<number> {
    const { text, values } = whereOf(checkSelection(which), 'selection');
    const { store } = this.#executor;
    let count = 0;
    for (let after = ''; ;) {
      const bound = [...values, statuses, after];
      const statement = {
        text: `select w.workflow_id as "workflowId" from ${store.names.workflow} w where ${text} and w.status = any($${values.length + 1}::text[])
          and w.workflow_id > $${values.length + 2} order by w.workflow_id limit ${batch}`,
        values: bound,
      };
      const rows = await store.untilAnswered((s) => s.connections.system(async (c) => (await c.fly([statement]))[0]?.rows ?? []));
      if (rows.length === 0) return count;
      const ids = rows.map((row) => String(row['workflowId']));
      count += await act(ids);
      after = ids.at(-1) ?? after;
    }
  }
}

/** A copy with gaps would be another history. In one that ended by itself a gap is a call that was refused before it could be recorded. */
function isWhole(all: readonly string[], before: readonly string[], from: string, status: WorkflowStatus): boolean {
  const top = (ids: readonly string[]): number[] => [...new Set(ids.map((id) => Number(id.split('/')[0])))].sort((a, b) => a - b);
  const first = Number(from.split('/')[0]);
  if (status === 'SUCCESS' || status === 'ERROR') return first <= (top(all).at(-1) ?? -1) + 1;
  return first <= top(before).length && top(before).every((n, i) => n === i);
}
