import type { CommunicatorContext, StepContext } from '../context.js';
import type { Executor } from './executor.js';

/** The context of one attempt of a communicator. Its signal is made when somebody asks for it: most steps never do. */
export class CommunicatorScope implements CommunicatorContext {
  readonly kind = 'communicator';
  readonly executor: Executor;
  readonly step: StepContext;
  readonly #expires: boolean;
  #controller: AbortController | undefined;
  #expired: Error | undefined;
  #follow: (() => void) | undefined;

  constructor(executor: Executor, step: StepContext, expires: boolean) {
    this.executor = executor;
    this.step = step;
    this.#expires = expires;
  }

  /** Aborts at the attempt's time-out and with the workflow. */
  get signal(): AbortSignal {
    const { signal } = this.step.run;
    if (!this.#expires) return signal;
    if (this.#controller === undefined) {
      const controller = (this.#controller = new AbortController());
      this.#follow = () => controller.abort(signal.reason);
      if (this.#expired !== undefined) controller.abort(this.#expired);
      else if (signal.aborted) controller.abort(signal.reason);
      else signal.addEventListener('abort', this.#follow, { once: true });
    }
    return this.#controller.signal;
  }

  expire(error: Error): void {
    this.#expired = error;
    this.#controller?.abort(error);
  }

  close(): void {
    if (this.#follow !== undefined) this.step.run.signal.removeEventListener('abort', this.#follow);
  }
}
