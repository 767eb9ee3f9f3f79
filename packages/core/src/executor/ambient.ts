/** What user code calls inside functions: ids, time, randomness, sleep, start, handles, log. */
import { randomUUID as newUUID } from 'node:crypto';
import { raise, type Duration, type Type } from '@apiary/decorators/internal';
import { wallClock } from '../clock.js';
import { context, type Context } from '../context.js';
import { asEngine } from '../determinism/engine-scope.js';
import { withFields, type Logger } from '../log.js';
import { Handle } from '../workflows/handle.js';
import type { StartOptions, Starter, WorkflowHandle } from '../workflows/types.js';
import { checkId } from '../ids.js';
import { plain, plainId } from '../plain.js';
import { starterOf } from './starter.js';
import { restOfSleep, sleepStep } from './steps/sleep.js';

function scopeOf(call: string): Context {
  return context.getStore() ?? raise('NO_CONTEXT', { call });
}

/** In methods that run as ordinary code, for plain unit tests. */
function isPlain(): boolean {
  return context.getStore() === undefined && plain.getStore() !== undefined;
}

/** Id of the current workflow; outside NO_CONTEXT. */
export function workflowId(): string {
  if (isPlain()) return plainId;
  const scope = scopeOf('workflowId()');
  return scope.kind === 'workflow' ? scope.run.workflowId : scope.step.run.workflowId;
}

/** Same for all attempts and replays of this step, different for every other step: for external APIs. Outside a step NO_CONTEXT. */
export function idempotencyKey(): string {
  if (isPlain()) return `${plainId}-0`;
  const scope = scopeOf('idempotencyKey()');
  if (scope.kind === 'workflow')
    raise(
      'NO_CONTEXT',
      { call: 'idempotencyKey()' },
      { message: 'idempotencyKey() belongs to a step and was called in the body of a workflow: call it in a @Communicator' },
    );
  return `${scope.step.run.workflowId}-${scope.step.stepId}`;
}

/** Aborts at the step's time-out, the workflow's cancellation or deadline, and shutdown. */
export function signal(): AbortSignal {
  if (isPlain()) return new AbortController().signal;
  const scope = scopeOf('signal()');
  if (scope.kind === 'communicator') return scope.signal;
  return scope.kind === 'workflow' ? scope.run.signal : scope.step.run.signal;
}

/** Durable pause; survives crashes and deploys, holds nothing while it waits. Only in a workflow body. */
export function sleep(time: Duration | Date): Promise<void> {
  const scope = context.getStore();
  if (scope === undefined) return isPlain() ? Promise.resolve() : Promise.reject(noContext('sleep()'));
  if (scope.kind !== 'workflow') return Promise.reject(forbidden(scope, 'sleep()'));
  const { run } = scope;
  return run.step(
    'sleep',
    'sleep',
    null,
    (call) => sleepStep(run, call, time),
    (record) => restOfSleep(run, run.executor.codec.decode(record.output) as number),
  );
}

/** In a workflow body recorded, hence the same at replay; in a step or outside the plain function. */
export function now(): Date {
  const scope = context.getStore();
  if (scope?.kind === 'workflow') return new Date(scope.run.value('now', () => scope.executor.clock.now()));
  return new Date(scope === undefined ? wallClock() : scope.executor.clock.now());
}

/** As Math.random; in a workflow body recorded. */
export function random(): number {
  const scope = context.getStore();
  return scope?.kind === 'workflow' ? scope.run.value('random', Math.random) : Math.random();
}

/** As crypto.randomUUID; in a workflow body recorded. */
export function randomUUID(): string {
  const scope = context.getStore();
  return scope?.kind === 'workflow' ? scope.run.value('randomUUID', newUUID) : newUUID();
}

/** Starts a workflow from a workflow (as its child) or from a @Transaction (it exists when that commits). Else use the app's `start`. */
export function start<C extends Type>(service: C, options?: StartOptions): Starter<C> {
  const scope = scopeOf('start()');
  if (scope.kind === 'communicator') throw forbidden(scope, 'start()');
  return starterOf(scope.executor, service, options);
}

/** The handle of any workflow, from inside one: what it reads or does is recorded. Outside use the app's `handle`. */
export function handleOf<R = unknown>(id: string): WorkflowHandle<R> {
  const scope = scopeOf('handleOf()');
  checkId(id);
  return new Handle<R>(scope.executor, id);
}

function noContext(call: string): Error {
  try {
    return raise('NO_CONTEXT', { call });
  } catch (error) {
    return error as Error;
  }
}

function forbidden(scope: Exclude<Context, { kind: 'workflow' }>, callee: string): Error {
  try {
    return raise(
      'FORBIDDEN_CALL',
      { caller: scope.step.fn.name, callee },
      {
        message: `${callee} may not be called in ${scope.step.fn.name}: it belongs into the body of a workflow`,
        workflowId: scope.step.run.workflowId,
        stepId: scope.step.stepId,
      },
    );
  } catch (error) {
    return error as Error;
  }
}

type Level = 'debug' | 'info' | 'warn' | 'error';

/** One line: held while it rests on a value that is not durable, dropped where a replay repeats it. */
function line(level: Level, message: string, fields?: Record<string, unknown>): void {
  const scope = context.getStore();
  if (scope === undefined) return console[level](message, ...(fields === undefined ? [] : [fields]));
  const { executor } = scope;
  const run = scope.kind === 'workflow' ? scope.run : scope.step.run;
  const step = scope.kind === 'workflow' ? {} : { step: scope.step.fn.name, stepId: scope.step.stepId };
  const write = (): void => asEngine(() => withFields(executor.log, { workflowId: run.workflowId, ...step })[level](message, fields));
  if (scope.kind !== 'workflow') return write();
  if (run.isVoid || run.isReplaying) return;
  if (run.heldLog === undefined) write();
  else run.heldLog.push(write);
}

/** Carries workflow and step; silent for what a replay repeats. Outside an app it writes to the console. */
export const log: Logger = {
  debug: (message, fields) => line('debug', message, fields),
  info: (message, fields) => line('info', message, fields),
  warn: (message, fields) => line('warn', message, fields),
  error: (message, fields) => line('error', message, fields),
};
