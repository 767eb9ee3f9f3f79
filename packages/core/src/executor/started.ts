import { asEngine } from '../determinism/engine-scope.js';
import type { Started, WaitOptions, WorkflowHandle } from '../workflows/types.js';

/** How a start goes about it: `durable` when somebody wants the handle, else the outcome is all that anybody waits for. */
export interface Starting<R> {
  begin(durable: boolean): { readonly handle: Promise<WorkflowHandle<R>>; result(options?: WaitOptions): Promise<R> };
  /** A start that nobody awaits failed. */
  lost(error: unknown): void;
}

/**
 * What `start(...).method(...)` gives: await it for the handle, or take `.result()` alone. It begins in this turn of the event loop at
 * the latest; taken as `.result()` first, the start row need not be durable before the body runs.
 */
export class StartedWorkflow<R> implements Started<R> {
  readonly [Symbol.toStringTag] = 'Started';
  readonly #starting: Starting<R>;
  #begun: ReturnType<Starting<R>['begin']> | undefined;
  #awaited = false;

  constructor(starting: Starting<R>) {
    this.#starting = starting;
    queueMicrotask(() => {
      if (this.#begun === undefined) this.#begin(true);
      this.#begun?.handle.catch((error: unknown) => {
        if (!this.#awaited) starting.lost(error);
      });
    });
  }

  result(options?: WaitOptions): Promise<R> {
    this.#awaited = true;
    return this.#begin(false).result(options);
  }

  then<A = WorkflowHandle<R>, B = never>(
    resolved?: ((handle: WorkflowHandle<R>) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#awaited = true;
    return this.#begin(true).handle.then(resolved, rejected);
  }

  catch<B = never>(rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<WorkflowHandle<R> | B> {
    return this.then(undefined, rejected);
  }

  finally(done?: (() => void) | null): Promise<WorkflowHandle<R>> {
    this.#awaited = true;
    return this.#begin(true).handle.finally(done);
  }

  #begin(durable: boolean): ReturnType<Starting<R>['begin']> {
    return (this.#begun ??= asEngine(() => this.#starting.begin(durable)));
  }
}
