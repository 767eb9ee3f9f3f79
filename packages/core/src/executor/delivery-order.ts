/**
 * The order in which a body is given the results of calls that are under way together: the order of their places, in the first run as
 * in every replay, for what the body does next may depend on which came first (a failing `Promise.all`). A place is the record's
 * `completed_at`, made with the row and strictly increasing in a run; that of a sleep is the time at which it ends. And it is given them
 * one at a time, the next one when it has come to rest: in which order two branches make their next calls depends on nothing else then.
 */
import type { Codec } from '../codec/codec.js';
import { atRest, turn } from './rest.js';
import type { Call } from './run.js';
import type { RecordRow } from './rows.js';

/** The place of a recorded call. */
export function placeOf(record: RecordRow, codec: Codec): number {
  return record.kind === 'sleep' ? placeOfSleep(record.completedAt, codec.decode(record.output) as number) : record.completedAt;
}

/** When it ends; one that was over when it began, when it was recorded. */
function placeOfSleep(recordedAt: number, dueMs: number): number {
  return Math.max(recordedAt, dueMs * 1000);
}

export class DeliveryOrder {
  /** Calls whose result the body does not have yet. */
  readonly #open: ReadonlySet<Call>;
  #replayed: { readonly call: Call; readonly settle: () => void }[] | undefined;
  #scheduled = false;
  #behind: (() => void)[] | undefined;
  /** The turn in which the body was told something, or made a call, last. */
  #active: number | undefined;
  #last = 0;

  constructor(open: ReadonlySet<Call>) {
    this.#open = open;
  }

  /** A record of an earlier run: what is recorded from now on comes after it. */
  recorded(record: RecordRow): void {
    this.#last = Math.max(this.#last, record.completedAt);
  }

  /** Gives a call its place, from that of its row, and returns it: microseconds since the epoch, strictly increasing. */
  place(call: Call, nowMs: number): number {
    const gaveUp = call.place;
    this.#last = Math.max(nowMs * 1000, this.#last + 1);
    call.place = this.#last;
    // An error that showed at COMMIT: the calls that were placed meanwhile are before this one now.
    if (gaveUp !== undefined) this.#next();
    return this.#last;
  }

  /** A sleep whose row is durable: it is delivered when it ends, not when its row was made. */
  rests(call: Call, dueMs: number): void {
    call.place = placeOfSleep(call.place ?? 0, dueMs);
    this.#next();
  }

  /** Its row was not committed; the next attempt makes a new one. */
  withdraw(call: Call): void {
    call.place = undefined;
    this.#next();
  }

  delivered(call: Call): void {
    if (call.place !== undefined) this.#last = Math.max(this.#last, call.place);
    this.#next();
  }

  /** Something was recorded or delivered after that time: whatever ends then has ended. */
  isPast(timeMs: number): boolean {
    return this.#last > timeMs * 1000;
  }

  /**
   * What to wait for before the body is told the result of a call; then it has to be asked again. Undefined: nothing. What has no place
   * has no record either, and comes at once in every run. It waits for answers of the database only: nothing waits for a delivery.
   */
  wait(call: Call): Promise<void> | undefined {
    if (call.place === undefined) return undefined;
    if (this.#isBehind(call)) return new Promise((resolve) => (this.#behind ??= []).push(resolve));
    return this.#active === turn() ? new Promise(atRest) : undefined;
  }

  /** The body is told something, or makes a call: it may make others in the same turn, whatever it was that it waited for. */
  active(): void {
    this.#active = turn();
  }

  /** A call whose row is placed before this one's is under way: its commit is not answered yet, or it sleeps. */
  #isBehind(call: Call): boolean {
    if (this.#open.size === 1) return false;
    for (const other of this.#open) if (other !== call && isBefore(other, call)) return true;
    return false;
  }

  /** A call was delivered, or has another place. */
  #next(): void {
    const waiting = this.#behind;
    if (waiting === undefined) return;
    this.#behind = undefined;
    for (const resolve of waiting) resolve();
  }

  /**
   * Resolves when it is the turn of a recorded call. Whenever the body has come to rest, the call placed first among those it waits for
   * is next; so it never waits for a call that a changed body no longer makes.
   */
  replayed(call: Call): Promise<void> {
    return new Promise((settle) => {
      (this.#replayed ??= []).push({ call, settle });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    atRest(this.#nextReplayed);
  }

  readonly #nextReplayed = (): void => {
    this.#scheduled = false;
    const replayed = this.#replayed ?? [];
    let first = 0;
    for (let i = 1; i < replayed.length; i++) {
      const [best, other] = [replayed[first], replayed[i]];
      if (best !== undefined && other !== undefined && isBefore(other.call, best.call)) first = i;
    }
    const [turn] = replayed.splice(first, 1);
    turn?.settle();
    if (replayed.length > 0) this.#schedule();
  };
}

/** Two calls end at the same time only if one of them sleeps. */
function isBefore(a: Call, b: Call): boolean {
  if (a.place === undefined || b.place === undefined) return false;
  return a.place < b.place || (a.place === b.place && Number(a.stepId) < Number(b.stepId));
}
