/**
 * The rows of direct calls that only read. Such a call, under an id that nobody knows, leaves nothing that its row has to vouch for: whoever lost the
 * answer reads again. So the caller has the value as soon as it is read, and the rows of some milliseconds go to the journal together (the paper,
 * section 4.2, records no function of the kind at all). An explicit id promises the same answer again, and is recorded first.
 */
import { after, type Alarm } from '../clock.js';
import { LostRow, type Group } from '../journal/group.js';
import { completed } from '../store/statements/completed.js';
import { withTimeout } from '../timeout.js';
import type { Executor } from './executor.js';
import type { Run } from './run.js';
import { emptyCargo, weight, weightOfStart, type Cargo, type Outcome, type StartRow } from './rows.js';
import { ignore } from './signals.js';

/** So many bytes do not wait for company. */
const mostBytes = 1024 * 1024;
const patienceMs = 1000;

export class Readers {
  readonly #executor: Executor;
  #rows: StartRow[] = [];
  #bytes = 0;
  #alarm: Alarm | undefined;
  /** Groups with the journal. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /** Takes the row of a direct call that only read, unless somebody could miss it already: then it goes the way of all others. */
  take(run: Run, outcome: Outcome): boolean {
    const { start, fn } = run;
    if (fn.kind !== 'transaction' || !this.#executor.functions.transaction(fn).readOnly) return false;
    if (!run.isFirst || start === undefined || start.carrier !== undefined || outcome.status === 'CANCELLED' || this.#executor.stopping) return false;
    this.#add(completed(start.row, outcome, null));
    return true;
  }

  /** Resolves when the rows of all that has been read are durable, or will never be. */
  async recorded(): Promise<void> {
    this.#send();
    await Promise.all(this.#leaving);
  }

  /** For who looks at rows, and wants to see what this process has done; but does not wait long for a database that takes no rows just now. */
  async shown(): Promise<void> {
    if (this.#rows.length === 0 && this.#leaving.size === 0) return;
    await withTimeout(this.recorded(), patienceMs, () => new Error('not yet')).catch(ignore);
  }

  close(): void {
    this.#alarm?.cancel();
    this.#rows = [];
  }

  #add(row: StartRow): void {
    this.#rows.push(row);
    this.#bytes += weightOfStart(row);
    if (this.#bytes > mostBytes) this.#send();
    else this.#alarm ??= after(this.#executor.config.lingerMs, () => this.#send());
  }

  #send(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
    if (this.#rows.length === 0) return;
    const rows = this.#rows.splice(0);
    this.#bytes = 0;
    const left: Promise<void> = this.#record(rows).finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }

  async #record(rows: readonly StartRow[]): Promise<void> {
    const executor = this.#executor;
    const { id } = executor;
    // Who has registered anew writes under the new id only.
    const mine = rows.map((row) => (row.executorId === id ? row : { ...row, executorId: id }));
    try {
      await new Promise<void>((resolve, reject) => executor.journal.push(new ReadGroup(executor, mine, resolve, reject)));
      for (const { workflowId, name } of mine) executor.probe('run:recorded', { workflowId, name });
    } catch (error) {
      if (error instanceof LostRow) {
        await executor.registering;
        // Under the same id it is a row of these that is there already.
        return executor.id === id ? undefined : this.#record(mine);
      }
      // One that no database takes does not take the others with it.
      if (mine.length > 1) return void (await Promise.all(mine.map((row) => this.#record([row]))));
      if (!executor.stopping) executor.log.error('the row of a direct read could not be stored', { workflowId: mine[0]?.workflowId, error: String(error) });
    }
  }
}

class ReadGroup implements Group {
  readonly cargo: Cargo;
  readonly bytes: number;
  readonly #executor: Executor;
  readonly #executorId: string;

  constructor(
    executor: Executor,
    rows: StartRow[],
    readonly durable: () => void,
    readonly failed: (error: unknown) => void,
  ) {
    this.cargo = { ...emptyCargo(), starts: rows };
    this.bytes = weight(this.cargo);
    this.#executor = executor;
    this.#executorId = executor.id;
  }

  wanted(): boolean {
    return this.#executor.id === this.#executorId;
  }
}
