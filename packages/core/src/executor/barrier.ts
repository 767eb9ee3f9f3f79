/** Makes buffers durable through the journal. */
import { after, monotonic, type Alarm } from '../clock.js';
import type { Group } from '../journal/group.js';
import { LostRow } from '../journal/group.js';
import { addOutcome } from './commit.js';
import { carrierOf, Load, type Buffered } from './buffer.js';
import type { Executor } from './executor.js';
import type { Run } from './run.js';
import { weight, type Cargo, type Outcome, type RecordRow } from './rows.js';
import { ignore, RunVoid } from './signals.js';

interface Lingering {
  readonly run: Run;
  readonly record: Buffered<RecordRow>;
  readonly due: number;
}

class LoadedGroup implements Group {
  readonly cargo: Cargo;
  readonly bytes: number;
  readonly #run: Run;
  readonly #load: Load;
  readonly #resolve: (inserted: readonly string[] | undefined) => void;
  readonly #reject: (error: unknown) => void;

  constructor(run: Run, load: Load, resolve: (inserted: readonly string[] | undefined) => void, reject: (error: unknown) => void) {
    this.cargo = load.cargo;
    this.bytes = weight(load.cargo);
    this.#run = run;
    this.#load = load;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** A run that has not begun is not among those that a fence makes void. */
  wanted(): boolean {
    return !this.#run.isVoid && this.#run.executorId === this.#run.executor.id;
  }

  durable(inserted: readonly string[] | undefined): void {
    this.#load.settle(true);
    this.#resolve(inserted);
  }

  failed(error: unknown): void {
    this.#load.settle(false);
    if (!(error instanceof LostRow)) return this.#reject(error);
    for (const other of new Set([this.#run, ...this.#load.runs])) other.executor.lifecycle.voidRun(other, error.message);
    this.#reject(new RunVoid(error.message));
  }
}

export class Barrier {
  readonly #executor: Executor;
  /** Communicator records that wait for company, and the one timer for them. */
  #lingering: Lingering[] = [];
  #alarm: Alarm | undefined;

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /**
   * Sends the buffer of the chain, and what comes with it, as one group; resolves when it is durable, with the ids of the foreign rows
   * that were inserted (undefined: durable by an earlier attempt whose answer was lost). Throws RunVoid when a row belongs to another run.
   */
  flush(run: Run, extra?: Cargo, outcome?: Outcome): Promise<readonly string[] | undefined> {
    return carrierOf(run) === undefined ? this.#send(run, extra, outcome) : this.#sendAfterOthers(run, extra, outcome);
  }

  /** No group is sent while a row of the chain is with another carrier: should that one fail, there would be a gap behind it. */
  async #sendAfterOthers(run: Run, extra?: Cargo, outcome?: Outcome): Promise<readonly string[] | undefined> {
    for (let carrier = carrierOf(run); carrier !== undefined; carrier = carrierOf(run)) await carrier.answered;
    return this.#send(run, extra, outcome);
  }

  #send(run: Run, extra?: Cargo, outcome?: Outcome): Promise<readonly string[] | undefined> {
    if (run.isVoid) return Promise.reject(new RunVoid());
    const load = new Load('journal');
    load.take(run);
    const { cargo } = load;
    if (extra !== undefined) {
      cargo.records.push(...extra.records);
      cargo.parks.push(...extra.parks);
      cargo.foreign.push(...extra.foreign);
    }
    if (outcome !== undefined) addOutcome(load, run, outcome);
    const rows = cargo.starts.length + cargo.records.length + cargo.outcomes.length + cargo.parks.length + cargo.foreign.length;
    return rows === 0 ? Promise.resolve([]) : this.#push(run, load);
  }

  #push(run: Run, load: Load): Promise<readonly string[] | undefined> {
    return new Promise((resolve, reject) => this.#executor.journal.push(new LoadedGroup(run, load, resolve, reject)));
  }

  /** A communicator's record that nothing has carried some milliseconds after the call ended goes by itself. */
  linger(run: Run, record: Buffered<RecordRow>): void {
    const { lingerMs } = this.#executor.config;
    this.#lingering.push({ run, record, due: monotonic() + lingerMs });
    this.#alarm ??= after(lingerMs, this.#sweep);
  }

  readonly #sweep = (): void => {
    this.#alarm = undefined;
    const now = monotonic();
    let next = 0;
    for (; next < this.#lingering.length; next++) {
      const { run, record, due } = this.#lingering[next] as Lingering;
      if (due > now) break;
      if (record.carrier === undefined && !run.isVoid && run.buffer.includes(record)) this.flush(run).catch(ignore);
    }
    this.#lingering.splice(0, next);
    const first = this.#lingering[0];
    if (first !== undefined) this.#alarm = after(Math.max(1, first.due - now), this.#sweep);
  };

  close(): void {
    this.#alarm?.cancel();
    this.#lingering = [];
  }
}
