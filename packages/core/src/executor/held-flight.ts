/**
 * A final flight that waits for what the body does next with the value it was given (DESIGN 4.4): if the body ends, its outcome rides
 * along; if it makes another engine call, or is still computing when all microtasks are drained, the flight is sent without it.
 */
import { monotonic } from '../clock.js';
import { commitFinal, TryAgain } from './commit.js';
import type { Caution } from './caution.js';
import { atRest } from './rest.js';
import type { RecordRow, StartRow, Outcome } from './rows.js';
import type { Run } from './run.js';
import { ignore, RunVoid } from './signals.js';
import type { UserTransaction } from '../store/connection/transaction.js';

export interface HeldFlightOptions {
  readonly run: Run;
  readonly transaction: UserTransaction;
  readonly record: RecordRow;
  readonly outbox: readonly StartRow[];
  readonly caution: Caution;
  /** The record is durable. */
  recorded(): void;
}

export class HeldFlight {
  readonly #options: HeldFlightOptions;
  readonly #heldSince = monotonic();
  #sent: Promise<void> | undefined;

  constructor(options: HeldFlightOptions) {
    this.#options = options;
    options.run.held = this;
    options.run.heldLog = [];
    atRest(this.#send);
  }

  get isSent(): boolean {
    return this.#sent !== undefined;
  }

  /** Sends it, once; resolves when it is committed, throws RunVoid when it is not: the body was given a value that never became durable. */
  send(outcome?: Outcome): Promise<void> {
    if (this.#sent === undefined) {
      this.#sent = this.#commit(outcome);
      this.#sent.catch(ignore);
    }
    return this.#sent;
  }

  readonly #send = (): void => {
    void this.send();
  };

  async #commit(outcome: Outcome | undefined): Promise<void> {
    const { run, transaction, record, outbox, caution } = this.#options;
    caution.tail(monotonic() - this.#heldSince);
    try {
      await commitFinal(run, transaction, { record, outcome, outbox });
      caution.committed();
      run.held = undefined;
      const lines = run.heldLog;
      run.heldLog = undefined;
      if (lines !== undefined) for (const line of lines) line();
      this.#options.recorded();
    } catch (error) {
      caution.failed();
      run.executor.lifecycle.counters.afterHandOver++;
      // Rows that were made on the value that never became durable must not outlive it.
      run.dropAfter(record);
      run.executor.lifecycle.voidRun(
        run,
        error instanceof TryAgain ? 'its last transaction failed after the body went on' : `its last commit was refused: ${String(error)}`,
      );
      throw error instanceof RunVoid ? error : new RunVoid('the last commit failed', { cause: error });
    } finally {
      transaction.connection.release();
    }
  }
}
