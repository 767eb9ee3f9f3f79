import { delay, monotonic } from '../clock.js';
import type { Executor } from '../executor/executor.js';
import { claimBatch } from './claim.js';

/** Most workflows of the lane end at once: it looks again before the next tick. */
const lookMs = 50;

/**
 * Workflows that were claimed before and made no progress since run one at a time, and are claimed only when they are to run, so that one
 * that kills its process does not take its neighbours to DEAD (DESIGN 4.6, rule 4).
 */
export class NarrowLane {
  readonly #executor: Executor;
  #occupant: { readonly workflowId: string | undefined; readonly since: number } | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /** False when there was nothing left to claim. Takeovers of several executors take turns. */
  claim(executorId: string): Promise<boolean> {
    const turn = this.#turn.then(() => this.#claim(executorId));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #claim(executorId: string): Promise<boolean> {
    for (;;) {
      if (this.#executor.stopping || !this.#executor.lease.isLive() || this.#isOccupied()) return true;
      // Until the answer: one that is lost may have given a workflow, which the poll then finds and runs.
      this.#occupant = { workflowId: undefined, since: monotonic() };
      const [taken] = await claimBatch(this.#executor, executorId, 1, 'again');
      if (taken === undefined) {
        this.#occupant = undefined;
        return false;
      }
      this.#occupant = { workflowId: taken.workflowId, since: monotonic() };
      await Promise.race([this.#executor.tickets.get(taken.workflowId)?.outcome.catch(() => {}), delay(lookMs)]);
    }
  }

  /** Until it ended, made a record, or a lease has passed: whoever only waits does not block the others. */
  #isOccupied(): boolean {
    if (this.#occupant === undefined) return false;
    const { workflowId, since } = this.#occupant;
    const run = workflowId === undefined ? undefined : this.#executor.tickets.get(workflowId)?.run;
    const isAtRest = workflowId !== undefined && (run === undefined || run.isVoid || run.progressed);
    const free = isAtRest || monotonic() - since > this.#executor.lease.durationMs;
    if (free) this.#occupant = undefined;
    return !free;
  }
}
