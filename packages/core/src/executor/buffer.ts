/**
 * The buffer of a run: rows that need not be durable yet, because nobody could have observed them (DESIGN 4.3). An inline child shares
 * the buffers of its ancestors: whatever commits first carries the whole chain, ancestors first. A row has one carrier at a time.
 */
import { Later } from './later.js';
import { emptyCargo, type Cargo, type RecordRow } from './rows.js';
import type { Run } from './run.js';

export interface Carrier {
  readonly kind: 'journal' | 'flight';
  /** Resolves when it is known whether the carrier's commit happened. */
  readonly answered: Promise<void>;
}

export interface Buffered<R> {
  readonly row: R;
  carrier: Carrier | undefined;
}

/** The rows of a chain that one carrier took, and how to give them back. */
export class Load implements Carrier {
  readonly kind: 'journal' | 'flight';
  readonly cargo: Cargo = emptyCargo();
  readonly #taken: { readonly run: Run; readonly start: boolean; readonly records: readonly Buffered<RecordRow>[] }[] = [];
  readonly #answered = new Later<void>();
  #done = false;

  constructor(kind: 'journal' | 'flight') {
    this.kind = kind;
  }

  get answered(): Promise<void> {
    return this.#answered.promise;
  }

  /** Takes the rows of the run and its inline ancestors that nobody carries. */
  take(run: Run): void {
    if (run.parent !== undefined) this.take(run.parent);
    const start = run.start !== undefined && run.start.carrier === undefined;
    if (start && run.start !== undefined) {
      run.start.carrier = this;
      this.cargo.starts.push(run.start.row);
    }
    if (!start && run.buffer.length === 0) return;
    const records: Buffered<RecordRow>[] = [];
    for (const record of run.buffer) {
      if (record.carrier !== undefined) continue;
      record.carrier = this;
      records.push(record);
      this.cargo.records.push(record.row);
    }
    this.#taken.push({ run, start, records });
  }

  carriesStartOf(run: Run): boolean {
    return this.#taken.some((t) => t.run === run && t.start);
  }

  get runs(): readonly Run[] {
    return this.#taken.map((t) => t.run);
  }

  /** Durable: the rows leave the buffers. Else they return to them. */
  settle(durable: boolean): void {
    if (this.#done) return;
    this.#done = true;
    for (const { run, start, records } of this.#taken) {
      if (start && run.start !== undefined && run.start.carrier === this) {
        if (durable) run.startDurable();
        else run.start.carrier = undefined;
      }
      for (const record of records) if (record.carrier === this && !durable) record.carrier = undefined;
      if (durable && records.length > 0) {
        if (run.buffer.length === records.length) run.buffer.length = 0;
        else run.buffer = run.buffer.filter((b) => b.carrier !== this);
      }
    }
    this.#answered.resolve();
  }
}

/** The first carrier (of the given kind) that holds a row of the chain. */
export function carrierOf(run: Run | undefined, kind?: 'journal' | 'flight'): Carrier | undefined {
  for (let r = run; r !== undefined; r = r.parent) {
    const carrier = r.start?.carrier;
    if (carrier !== undefined && (kind === undefined || carrier.kind === kind)) return carrier;
    for (const { carrier } of r.buffer) if (carrier !== undefined && (kind === undefined || carrier.kind === kind)) return carrier;
  }
  return undefined;
}

/** Whether everything that was delivered to the bodies of the chain is durable. */
export function isDurable(run: Run): boolean {
  for (let r: Run | undefined = run; r !== undefined; r = r.parent) if (r.start !== undefined || r.buffer.length > 0) return false;
  return true;
}
