/** What ends a run from outside (a cancellation, a deadline, the shutdown of the process, or that it was found void), and its waits with its body. */
import { apiaryError, isApiaryError, type ApiaryError } from '@apiary/decorators/internal';
import { setMaxListeners } from 'node:events';
import type { Timer } from '../clock.js';
import type { Executor } from './executor.js';
import { RunVoid } from './signals.js';

export abstract class Interruptible {
  readonly executor: Executor;
  readonly workflowId: string;
  readonly deadline: number | null;
  cancelRequested: boolean;
  #controller: AbortController | undefined;
  #aborted: Error | undefined;
  #waits: AbortController | undefined;
  readonly #timer: Timer | undefined;

  constructor(executor: Executor, workflowId: string, deadline: number | null, cancelRequested: boolean) {
    this.executor = executor;
    this.workflowId = workflowId;
    this.deadline = deadline;
    this.cancelRequested = cancelRequested;
    this.#timer = deadline === null ? undefined : executor.clock.setTimer(deadline, () => this.interruptBy(this.interruption()));
  }

  abstract get isVoid(): boolean;

  /** Aborted by whichever of them comes first. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = controllerOfMany();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  /** Why the signal is aborted, if it is. */
  get abortReason(): Error | undefined {
    return this.#aborted;
  }

  /** Cancellation or deadline, if the workflow has met one: thrown at the next call without a record and in waits. */
  interruption(): ApiaryError | undefined {
    const { workflowId } = this;
    if (this.cancelRequested) return apiaryError('CANCELLED', { workflowId }, { workflowId });
    if (this.deadline !== null && this.executor.clock.now() >= this.deadline) {
      return apiaryError('DEADLINE', { deadline: new Date(this.deadline) }, { workflowId });
    }
    return undefined;
  }

  isOwnInterruption(error: unknown): boolean {
    return isApiaryError(error, 'CANCELLED', 'DEADLINE') && error.workflowId === this.workflowId;
  }

  /** Aborts the signal; waits and communicators end, nothing is thrown into running transactions. */
  interruptBy(reason: Error | undefined): void {
    if (reason === undefined || this.#aborted !== undefined) return;
    this.#aborted = reason;
    this.#controller?.abort(reason);
  }

  /** The promise, or the interruption of the workflow, whichever comes first. */
  interruptible<T>(promise: Promise<T>): Promise<T> {
    const signal = this.signal;
    return new Promise<T>((resolve, reject) => {
      const onAbort = (): void => reject(this.isVoid || this.executor.stopping ? new RunVoid() : (this.interruption() ?? (signal.reason as Error)));
      // The promise may fail later, when nobody waits any more: it is handled all the same.
      promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** For waits for other workflows, and for a next attempt: aborted when the body has ended and nobody waits for them. */
  get waits(): AbortSignal {
    return (this.#waits ??= controllerOfMany()).signal;
  }

  giveUpWaits(): void {
    (this.#waits ??= controllerOfMany()).abort();
  }

  /** Its deadline is nobody's business any more. */
  protected released(): void {
    this.#timer?.cancel();
  }
}

/** Each wait listens to it; Node 20 takes more than ten of them for a leak. */
function controllerOfMany(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
