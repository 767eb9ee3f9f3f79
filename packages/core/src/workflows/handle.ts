/** The handle of a workflow: outside it asks the database, in a workflow each answer is a recorded step. */
import { apiaryError, raise } from '@apiary/decorators/internal';
import { context } from '../context.js';
import type { Executor } from '../executor/executor.js';
import { restored } from '../executor/router.js';
import type { Run } from '../executor/run.js';
import { ignore } from '../executor/signals.js';
import { awaitResult, refuseAncestor } from '../executor/steps/child.js';
import { failStep } from '../executor/steps/transaction.js';
import type { Ticket } from '../executor/ticket.js';
import { checkId, derivedId, inputHash, newId } from '../ids.js';
import { infoOf, stepsOf } from './info.js';
import { checkWait, waiting } from './wait.js';
import type { StepInfo, WaitOptions, WorkflowHandle, WorkflowInfo, WorkflowStatus } from './types.js';

export class Handle<R = unknown> implements WorkflowHandle<R> {
  readonly workflowId: string;
  readonly #executor: Executor;
  #ticket: Ticket | undefined;

  constructor(executor: Executor, workflowId: string, ticket?: Ticket) {
    this.#executor = executor;
    this.workflowId = workflowId;
    this.#ticket = ticket;
    if (ticket !== undefined) ticket.hasWaiters = true;
  }

  result(options?: WaitOptions): Promise<R> {
    return ofBody(this.#result(options));
  }

  async #result(options: WaitOptions | undefined): Promise<R> {
    const wait = checkWait(options);
    const scope = this.#scope('result');
    if (scope !== undefined) {
      const result = scope.step(
        'workflow',
        'result',
        inputHash(this.workflowId),
        (call) => awaitResult(scope, call, this.workflowId, wait),
        (record) => restored(scope, record),
      );
      return result as Promise<R>;
    }
    const inStep = context.getStore();
    if (inStep?.kind === 'communicator') await refuseAncestor(inStep.step.run, inStep.step.stepId, inStep.step.fn.name, this.workflowId);
    const { outside, observer, readers } = this.#executor;
    if (this.#ticket === undefined) await readers.shown();
    const ticket = this.#ticket ?? observer.ticket(this.workflowId);
    try {
      return (await waiting(outside.result(ticket), wait)) as R;
    } catch (error) {
      if (ticket.settled && !ticket.failed) this.#ticket = undefined; // it may be resumed meanwhile: the next wait asks anew
      throw error;
    }
  }

  status(): Promise<WorkflowStatus> {
    return this.#ask('status', async () => (await this.#row()).status);
  }

  info(): Promise<WorkflowInfo<R>> {
    return this.#ask('info', async () => infoOf(this.#executor.codec, await this.#row()) as WorkflowInfo<R>);
  }

  steps(): Promise<StepInfo[]> {
    return this.#ask('steps', async () => {
      const row = await this.#row();
      return stepsOf(this.#executor.codec, row, await this.#executor.store.untilAnswered((store) => store.records([this.workflowId])));
    });
  }

  cancel(): Promise<void> {
    return this.#ask('cancel', async () => {
      await this.#row();
      await this.#executor.management.cancel([this.workflowId]);
    });
  }

  resume(): Promise<void> {
    return this.#ask('resume', async () => {
      await this.#row();
      await this.#executor.management.resume([this.workflowId]);
    });
  }

  async fork(options: { from: string; workflowId?: string | undefined }): Promise<WorkflowHandle<R>> {
    if (typeof options?.from !== 'string') raise('CONFIG', { path: 'fork.from', problem: 'give the id of a step, as in steps()' });
    if (options.workflowId !== undefined) checkId(options.workflowId);
    const id = await this.#ask('fork', async (place) => {
      const forkId = options.workflowId ?? (place === undefined ? newId() : derivedId(place, 'fork'));
      await this.#executor.readers.shown();
      await this.#executor.management.fork(this.workflowId, options.from, forkId);
      return forkId;
    });
    return new Handle<R>(this.#executor, id);
  }

  async #row() {
    await this.#executor.readers.shown();
    const row = await this.#executor.store.untilAnswered((store) => store.workflow(this.workflowId));
    if (row === undefined) throw apiaryError('NOT_FOUND', { workflowId: this.workflowId }, { workflowId: this.workflowId });
    return row;
  }

  #ask<T>(name: string, work: (place: string | undefined) => Promise<T>): Promise<T> {
    return ofBody(this.#answer(name, work));
  }

  /** Outside: done. In a workflow: done once, recorded, and everything delivered before is durable first. */
  async #answer<T>(name: string, work: (place: string | undefined) => Promise<T>): Promise<T> {
    const scope = this.#scope(name);
    if (scope === undefined) return work(undefined);
    return scope.step<T>(
      'value',
      name,
      inputHash(this.workflowId),
      async (call) => {
        await scope.ready(call);
        await scope.flushed();
        try {
          const { text, value } = this.#executor.codec.copy(await work(derivedId(scope.workflowId, call.stepId)), name);
          scope.record(call, { output: text });
          return value;
        } catch (error) {
          if (scope.isVoid || this.#executor.stopping) throw error;
          return failStep(scope, call, error, 1);
        }
      },
      (record) => restored(scope, record) as T,
    );
  }

  /** The run in whose body this is, if any. */
  #scope(call: string): Run | undefined {
    const scope = context.getStore();
    if (scope === undefined || scope.executor !== this.#executor || scope.kind === 'communicator') return undefined;
    if (scope.kind === 'workflow') return scope.run;
    throw apiaryError(
      'FORBIDDEN_CALL',
      { caller: scope.step.fn.name, callee: `handle.${call}()` },
      {
        message: `handle.${call}() may not be called in the transaction ${scope.step.fn.name}, which would hold its locks meanwhile: call it from the workflow`,
        workflowId: scope.step.run.workflowId,
        stepId: scope.step.stepId,
      },
    );
  }
}

/** What a body left unawaited is told by the run, and must not end the process. */
function ofBody<T>(promise: Promise<T>): Promise<T> {
  if (context.getStore()?.kind === 'workflow') promise.catch(ignore);
  return promise;
}
