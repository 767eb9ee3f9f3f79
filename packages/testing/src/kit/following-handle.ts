import type { StepInfo, WaitOptions, WorkflowHandle, WorkflowInfo, WorkflowStatus } from '@apiary/core';
import type { Kit } from './kit.js';

/** A handle that goes on with the executor that recovers a dead one's work: who waits for the outcome waits on. */
export class FollowingHandle<R> implements WorkflowHandle<R> {
  readonly workflowId: string;
  /** @internal */
  readonly kit: Kit;
  readonly #first: WorkflowHandle<R>;
  readonly #generation: number;

  constructor(kit: Kit, first: WorkflowHandle<R>) {
    this.workflowId = first.workflowId;
    this.kit = kit;
    this.#first = first;
    this.#generation = kit.generation;
  }

  async result(options?: WaitOptions): Promise<R> {
    return this.kit.overCrashes(() => this.#present().result(options));
  }

  status(): Promise<WorkflowStatus> {
    return this.#alive((handle) => handle.status());
  }

  info(): Promise<WorkflowInfo<R>> {
    return this.#alive((handle) => handle.info());
  }

  steps(): Promise<StepInfo[]> {
    return this.#alive((handle) => handle.steps());
  }

  cancel(): Promise<void> {
    return this.#alive((handle) => handle.cancel());
  }

  resume(): Promise<void> {
    return this.#alive((handle) => handle.resume());
  }

  async fork(options: { from: string; workflowId?: string | undefined }): Promise<WorkflowHandle<R>> {
    return new FollowingHandle(this.kit, await this.#alive((handle) => handle.fork(options)));
  }

  #present(): WorkflowHandle<R> {
    return this.#generation === this.kit.generation ? this.#first : this.kit.handle<R>(this.workflowId);
  }

  async #alive<T>(ask: (handle: WorkflowHandle<R>) => Promise<T>): Promise<T> {
    this.kit.checkAlive();
    return ask(this.#present());
  }
}
