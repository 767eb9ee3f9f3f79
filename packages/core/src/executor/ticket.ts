import { Backoff } from '../backoff.js';
import { Later } from './later.js';
import type { Outcome } from './rows.js';
import type { Run } from './run.js';

/**
 * What the callers of one workflow in this process share, over all runs of its body: whoever finds the outcome (the run that wrote it,
 * its re-run after a void run, or an observer) settles it, so a caller of a void run always settles.
 */
export class Ticket {
  readonly workflowId: string;
  /** Empty while nobody in this process knows more than the id. */
  name: string;
  inputHash: string;
  settled = false;
  /** Settled without an outcome. */
  failed = false;
  /** While its id is being looked up: resolves when that is over. */
  looking: Promise<void> | undefined;
  /** The present run of the body, if it runs in this process. */
  run: Run | undefined;
  /** Nobody in this process has more than its id. */
  get isObserved(): boolean {
    return this.run === undefined && this.name === '';
  }
  /** Somebody in this process waits for the outcome: the run of a parked workflow then becomes an observed one. */
  hasWaiters = false;
  #voids: Backoff | undefined;
  readonly #outcome = new Later<Outcome>();
  readonly #started = new Later<void>();

  constructor(workflowId: string, name: string, inputHash: string) {
    this.workflowId = workflowId;
    this.name = name;
    this.inputHash = inputHash;
  }

  /** Resolves with the outcome as stored; rejects with CONFLICT, INVALID_ID and the like, where there is none. */
  get outcome(): Promise<Outcome> {
    return this.#outcome.promise;
  }

  /** Resolves when the start row is durable. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** The workflow that an id turned out to be. */
  identify(name: string, inputHash: string): void {
    if (this.name !== '') return;
    this.name = name;
    this.inputHash = inputHash;
  }

  /** The wait before the next run of a body that was void: none the first time. */
  async backoff(): Promise<void> {
    if (this.#voids === undefined) this.#voids = new Backoff();
    else await this.#voids.wait();
  }

  begun(): void {
    this.#started.resolve();
  }

  settle(outcome: Outcome): void {
    this.settled = true;
    this.#started.resolve();
    this.#outcome.resolve(outcome);
  }

  fail(error: unknown): void {
    this.settled = true;
    this.failed = true;
    this.#started.reject(error);
    this.#outcome.reject(error);
  }
}
