import { Backoff } from '../backoff.js';
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
  /** Resolves with the outcome as stored; rejects with CONFLICT, INVALID_ID and the like, where there is none. */
  readonly outcome: Promise<Outcome>;
  /** Resolves when the start row is durable. */
  readonly started: Promise<void>;
  settled = false;
  /** Settled without an outcome. */
  failed = false;
  /** The present run of the body, if it runs in this process. */
  run: Run | undefined;
  /** Nobody in this process has more than its id. */
  get isObserved(): boolean {
    return this.run === undefined && this.name === '';
  }
  /** Somebody in this process waits for the outcome: the run of a parked workflow then becomes an observed one. */
  hasWaiters = false;
  #voids: Backoff | undefined;
  #resolve!: (outcome: Outcome) => void;
  #reject!: (error: unknown) => void;
  #start!: () => void;
  #refuse!: (error: unknown) => void;

  constructor(workflowId: string, name: string, inputHash: string) {
    this.workflowId = workflowId;
    this.name = name;
    this.inputHash = inputHash;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.started = new Promise((resolve, reject) => {
      this.#start = resolve;
      this.#refuse = reject;
    });
    // Nobody may be waiting for one of the two.
    this.outcome.catch(ignore);
    this.started.catch(ignore);
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
    this.#start();
  }

  settle(outcome: Outcome): void {
    this.settled = true;
    this.#start();
    this.#resolve(outcome);
  }

  fail(error: unknown): void {
    this.settled = true;
    this.failed = true;
    this.#refuse(error);
    this.#reject(error);
  }
}

function ignore(): void {}
