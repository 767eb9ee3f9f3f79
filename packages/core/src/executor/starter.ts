/** `start(Service, options).method(...args)`: from outside a durable start, in a workflow a child, in a @Transaction an outbox entry. */
import { apiaryError, raise, type Duration, type RegisteredFunction, type Type } from '@apiary/decorators/internal';
import { context, type Context, type TransactionContext } from '../context.js';
import { asEngine } from '../determinism/engine-scope.js';
import { checkId, derivedId } from '../ids.js';
import { Handle } from '../workflows/handle.js';
import { checkWait } from '../workflows/wait.js';
import type { StartOptions, Starter, WaitOptions, WorkflowHandle } from '../workflows/types.js';
import type { Executor } from './executor.js';
import type { StartSettings } from './function-settings.js';
import { Input } from './input.js';
import type { Run } from './run.js';
import { ignore, never } from './signals.js';
import { StartedWorkflow, type Starting } from './started.js';
import { awaitResult, startChild } from './steps/child.js';
import { heldIsSent, restored } from './router.js';

const known = new Set(['workflowId', 'deadline']);

/** @throws CONFIG, INVALID_ID */
function settingsOf(executor: Executor, options: StartOptions): StartSettings {
  for (const key of Object.keys(options)) if (!known.has(key)) raise('CONFIG', { path: `start.${key}`, problem: 'no such option: workflowId or deadline' });
  const { workflowId, deadline } = options;
  if (workflowId !== undefined) checkId(workflowId);
  executor.functions.checkDeadline(deadline as Duration | Date | null | undefined);
  return { workflowId, deadline };
}

/** @throws NOT_A_SERVICE */
export function starterOf<C extends Type>(executor: Executor, service: C, options: StartOptions = {}): Starter<C> {
  const registered = executor.registry.service(service);
  if (registered === undefined) raise('NOT_A_SERVICE', { service: typeof service === 'function' ? service.name : String(service) });
  const settings = settingsOf(executor, options);
  return new Proxy(Object.create(null) as object, {
    get(_target, method) {
      if (typeof method !== 'string' || method === 'then') return undefined; // awaiting a starter is a mistake, but no start
      return (...args: unknown[]) => {
        const fn = registered.functions.get(method);
        if (fn === undefined) raise('NOT_A_FUNCTION', { method: `${registered.name}.${method}` });
        return asEngine(() => startOne(executor, fn, args, settings));
      };
    },
  }) as Starter<C>;
}

function startOne(executor: Executor, fn: RegisteredFunction, args: readonly unknown[], settings: StartSettings): StartedWorkflow<unknown> {
  const scope = context.getStore();
  if (scope === undefined) return new StartedWorkflow(fromOutside(executor, fn, args, settings));
  if (scope.executor !== executor) return new StartedWorkflow(elsewhere(scope, fromOutside(executor, fn, args, settings)));
  if (scope.kind === 'workflow') return new StartedWorkflow(inWorkflow(scope.run, fn, args, settings));
  if (scope.kind === 'transaction') return new StartedWorkflow(inTransaction(scope, fn, args, settings));
  raise('FORBIDDEN_CALL', { caller: scope.step.fn.name, callee: `start of ${fn.name}` });
}

function fromOutside(executor: Executor, fn: RegisteredFunction, args: readonly unknown[], settings: StartSettings): Starting<unknown> {
  return {
    begin(durable) {
      let ticket;
      try {
        ticket = executor.outside.start(fn, executor.targetOf(fn), args, settings, durable);
      } catch (error) {
        return failed(error as Error);
      }
      const handle = new Handle(executor, ticket.workflowId, ticket);
      const started: Promise<WorkflowHandle> = ticket.started.then(() => handle);
      started.catch(ignore);
      return { handle: started, result: (options?: WaitOptions) => handle.result(options) };
    },
    lost: (error) => executor.log.error(`a start of ${fn.name} failed and nobody awaited it`, { error: String(error) }),
  };
}

/** A start of another app's function: nothing may leave the process on a commit that is not answered. */
function elsewhere(scope: Context, starting: Starting<unknown>): Starting<unknown> {
  if (scope.kind !== 'workflow') return starting;
  const { run } = scope;
  return {
    begin(durable) {
      if (run.held === undefined && !run.isVoid) return starting.begin(durable);
      const begun = heldIsSent(run).then(() => starting.begin(durable));
      return { handle: begun.then(({ handle }) => handle), result: (options) => begun.then(({ result }) => result(options)) };
    },
    lost: starting.lost,
  };
}

function failed(error: Error): ReturnType<Starting<unknown>['begin']> {
  const handle = Promise.reject<WorkflowHandle>(error);
  handle.catch(ignore);
  return { handle, result: () => Promise.reject(error) };
}

/** The step is numbered at the call, whatever is taken of it. */
function inWorkflow(run: Run, fn: RegisteredFunction, args: readonly unknown[], settings: StartSettings): Starting<unknown> {
  const { executor } = run;
  let id: Promise<string>;
  try {
    const input = Input.of(executor.codec, fn, args);
    id = run.step(
      'workflow',
      `start(${fn.name})`,
      input.hash,
      (call) => startChild(run, call, fn, input, settings),
      (record) => restored(run, record) as string,
    );
  } catch (error) {
    id = run.isVoid ? never() : Promise.reject(error as Error);
    id.catch(ignore);
  }
  const handle: Promise<WorkflowHandle> = id.then((workflowId) => new Handle(executor, workflowId));
  handle.catch(ignore);
  return {
    begin: () => ({
      handle,
      result: (options?: WaitOptions) => {
        const wait = checkWait(options);
        return run.step(
          'workflow',
          'result',
          null,
          async (call) => awaitResult(run, call, await id, wait),
          (record) => restored(run, record),
        );
      },
    }),
    lost: ignore, // told by the step's own promise
  };
}

/** It exists when the transaction commits; nobody can wait for it in there. */
function inTransaction(scope: TransactionContext, fn: RegisteredFunction, args: readonly unknown[], settings: StartSettings): Starting<unknown> {
  const { executor, step } = scope;
  if (scope.readOnly)
    raise('FORBIDDEN_CALL', { caller: step.fn.name, callee: `start of ${fn.name}` }, { message: `${step.fn.name} is read-only: a start writes` });
  const input = Input.of(executor.codec, fn, args);
  const workflowId = settings.workflowId ?? derivedId(step.run.workflowId, `${step.stepId}-${scope.outbox.length}`);
  scope.outbox.push(executor.lifecycle.startRow(fn, workflowId, input, executor.functions.deadline(fn, settings.deadline, null, executor.clock.now())));
  const handle = Promise.resolve<WorkflowHandle>(new Handle(executor, workflowId));
  return {
    begin: () => ({
      handle,
      result: () =>
        Promise.reject(
          apiaryError(
            'FORBIDDEN_CALL',
            { caller: step.fn.name, callee: `result() of ${fn.name}` },
            {
              message: `${step.fn.name} would wait for a workflow that exists only when its own transaction commits`,
            },
          ),
        ),
    }),
    lost: ignore,
  };
}
