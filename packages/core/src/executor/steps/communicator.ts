import {
  apiaryError,
  milliseconds,
  NonRetryableError,
  RetryAfterError,
  type Duration,
  type RegisteredFunction,
  type RetryPolicy,
} from '@apiary/decorators/internal';
import type { Timer } from '../../clock.js';
import { stringForm } from '../../codec/error-document.js';
import { context } from '../../context.js';
import { noProbe } from '../../probe.js';
import { backoffDelay, resolveRetry, type ResolvedRetry } from '../../retry.js';
import type { Body } from '../../stand-ins.js';
import type { Executor } from '../executor.js';
import type { Input } from '../input.js';
import { legible } from '../legible.js';
import type { Call, Run } from '../run.js';
import { CommunicatorScope } from '../communicator-scope.js';
import { waiting } from '../../workflows/wait.js';
import { ignore, RunVoid } from '../signals.js';
import { awaitedInside } from './attempt.js';
import { durableAtOnce } from './transaction.js';

export interface CommunicatorSettings {
  readonly retry: ResolvedRetry;
  readonly timeoutMs: number | undefined;
}

export function communicatorSettings(fn: RegisteredFunction, defaults: ResolvedRetry): CommunicatorSettings {
  const { retry, timeout } = fn.metadata.options as { retry?: RetryPolicy; timeout?: Duration };
  return {
    retry: retry === undefined ? defaults : resolveRetry(asPolicy(defaults, retry), retry),
    timeoutMs: timeout === undefined ? undefined : milliseconds(timeout, `${fn.name}.timeout`),
  };
}

/** The app's policy, under that of a function: a longer first wait raises the app's longest one. */
function asPolicy(defaults: ResolvedRetry, own: RetryPolicy): RetryPolicy {
  const { initialIntervalMs: initialInterval, maxIntervalMs, ...rest } = defaults;
  const first = own.initialInterval === undefined ? 0 : milliseconds(own.initialInterval, 'retry.initialInterval');
  return {
    ...rest,
    initialInterval: own.maxInterval === undefined ? initialInterval : Math.min(initialInterval, milliseconds(own.maxInterval, 'retry.maxInterval')),
    maxInterval: Math.max(maxIntervalMs, first),
  };
}

/** What a communicator came to, after its retries. */
export type Called =
  { readonly output: string | null; readonly value: unknown; readonly attempts: number } | { readonly error: string; readonly attempts: number };

/** A @Communicator called in the body of a workflow: everything delivered before is durable first, its record follows. */
export async function communicatorStep(run: Run, call: Call, fn: RegisteredFunction, target: object, input: Input): Promise<unknown> {
  const { executor } = run;
  const wait = run.ready(call);
  if (wait !== undefined) await wait;
  for (let next = run.unflushed(); next !== undefined; next = run.unflushed()) await next;
  // Waiting took time: what was checked before has to hold now.
  if (!executor.lease.isLive()) await run.ready(call);
  const called = await callOut(run, call.stepId, fn, target, input);
  if ('error' in called) {
    executor.barrier.linger(run, run.record(call, { error: called.error, attempts: called.attempts }));
    if (executor.stand !== undefined) await durableAtOnce(run, call, fn, called.attempts);
    throw executor.codec.decodeError(called.error);
  }
  executor.barrier.linger(run, run.record(call, { output: called.output, attempts: called.attempts }));
  if (executor.stand !== undefined) await durableAtOnce(run, call, fn, called.attempts);
  return called.value;
}

/**
 * The attempts. Throws only what must not be recorded: cancellation, deadline, shutdown, a void run. Most calls end with the first one,
 * which is made without an async function around it: with AsyncLocalStorage each promise costs as much as the rest of the step.
 */
export function callOut(run: Run, stepId: string, fn: RegisteredFunction, target: object, input: Input): Promise<Called> {
  const attempts = new Attempts(run, stepId, fn, target, input);
  return attempts.make(1).then(
    (result) => {
      try {
        return attempts.called(result, 1);
      } catch (error) {
        return attempts.goOn(error);
      }
    },
    (error: unknown) => attempts.goOn(error),
  );
}

class Attempts {
  readonly #run: Run;
  readonly #stepId: string;
  readonly #fn: RegisteredFunction;
  readonly #settings: CommunicatorSettings;
  readonly #body: Body;
  readonly #target: object;
  readonly #input: Input;

  /** @throws where a test has nothing to put in the function's place: that is no attempt */
  constructor(run: Run, stepId: string, fn: RegisteredFunction, target: object, input: Input) {
    this.#run = run;
    this.#stepId = stepId;
    this.#fn = fn;
    this.#settings = run.executor.functions.communicator(fn);
    this.#body = run.executor.bodyOf(fn);
    this.#target = target;
    this.#input = input;
  }

  make(tries: number): Promise<unknown> {
    this.#tell('step:before', tries);
    try {
      return once(this.#run, this.#stepId, this.#fn, this.#body, this.#target, this.#input, this.#settings.timeoutMs);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  called(result: unknown, tries: number): Called {
    this.#tell('step:returned', tries);
    const { text, value } = this.#run.executor.codec.copy(result, 'result');
    return { output: text, value, attempts: tries };
  }

  #tell(point: 'step:before' | 'step:returned', attempt: number): void {
    const { probe } = this.#run.executor;
    if (probe !== noProbe) probe(point, { workflowId: this.#run.workflowId, stepId: this.#stepId, name: this.#fn.name, attempt });
  }

  /** After the first attempt has failed. */
  async goOn(first: unknown): Promise<Called> {
    const run = this.#run;
    const { executor } = run;
    const { retry } = this.#settings;
    const errors: unknown[] = [];
    let thrown = first;
    for (let tries = 1; ; tries++) {
      const error = legible(thrown);
      if (run.isVoid || executor.stopping || error instanceof RunVoid) throw new RunVoid();
      const interruption = run.abortReason === undefined ? undefined : (run.interruption() ?? run.abortReason);
      if (interruption !== undefined) throw interruption;
      errors.push(error);
      const verdict = await judge(retry, error, tries);
      const again = 'again' in verdict && (await pause(executor, run, error, backoffDelay(retry, tries, Math.random)));
      if (!again) {
        const own = 'outcome' in verdict ? verdict.outcome : tries === 1 ? error : undefined;
        return { error: executor.codec.encodeError(own ?? exhausted(run, this.#stepId, errors)), attempts: tries };
      }
      if (!executor.lease.isLive()) await executor.lease.live();
      if (run.isVoid) throw new RunVoid();
      const next = this.make(tries + 1);
      try {
        return this.called(await next, tries + 1);
      } catch (error) {
        thrown = error;
      }
    }
  }
}

/** Another attempt, or the outcome: an error of its own where nothing was retried or the policy said no. */
async function judge(retry: ResolvedRetry, error: unknown, tries: number): Promise<{ readonly again: true } | { readonly outcome: unknown }> {
  if (error instanceof NonRetryableError) return { outcome: error };
  try {
    if (retry.retryIf !== undefined && !(await retry.retryIf(error, tries))) return { outcome: error };
  } catch (thrown) {
    return { outcome: legible(thrown) };
  }
  if (tries < retry.maxAttempts) return { again: true };
  return { outcome: tries === 1 ? error : undefined };
}

function exhausted(run: Run, stepId: string, errors: readonly unknown[]): Error {
  const all = errors.map((e) => (e instanceof Error ? e : new Error(stringForm(e))));
  return apiaryError('RETRIES_EXHAUSTED', { attempts: all.length, errors: all }, { workflowId: run.workflowId, stepId, cause: errors.at(-1) });
}

function once(run: Run, stepId: string, fn: RegisteredFunction, body: Body, target: object, input: Input, timeoutMs: number | undefined): Promise<unknown> {
  const { executor } = run;
  const scope = new CommunicatorScope(executor, { run, stepId, fn }, timeoutMs !== undefined);
  const promise = context.run(scope, () => awaitedInside(body.apply(target, input.take() as never[])));
  return timeoutMs === undefined ? promise : inTime(run, stepId, scope, promise, timeoutMs);
}

async function inTime(run: Run, stepId: string, scope: CommunicatorScope, promise: Promise<unknown>, timeoutMs: number): Promise<unknown> {
  const { clock } = run.executor;
  promise.catch(ignore); // a late end is ignored
  let timer: Timer | undefined;
  try {
    return await new Promise((resolve, reject) => {
      timer = clock.setTimer(clock.now() + timeoutMs, () => {
        const error = apiaryError('STEP_TIMEOUT', { timeoutMs }, { workflowId: run.workflowId, stepId });
        scope.expire(error);
        reject(error);
      });
      promise.then(resolve, reject);
    });
  } finally {
    timer?.cancel();
    scope.close();
  }
}

/** The wait before the next attempt; ends at once when the workflow is interrupted. False: the body has ended, and with it the attempts. */
async function pause(executor: Executor, run: Run, error: unknown, delayMs: number): Promise<boolean> {
  const until = error instanceof RetryAfterError ? dueAfter(executor, error) : executor.clock.now() + delayMs;
  const { waits } = run;
  const sleep = executor.sleepUntil(until);
  try {
    await run.interruptible(waiting(sleep.promise, { timeoutMs: undefined, signal: waits }));
    return true;
  } catch (thrown) {
    if (waits.aborted) return false;
    throw thrown;
  } finally {
    sleep.cancel();
  }
}

function dueAfter(executor: Executor, error: RetryAfterError): number {
  if (error.after instanceof Date) return error.after.getTime();
  return executor.clock.now() + milliseconds(error.after, 'RetryAfterError.after');
}
