import type { Run } from './run.js';

/** The runs that are under way: a set, but without the tables that one leaves behind (`ChurnMap` says why). */
export class Roster {
  readonly #runs: Run[] = [];

  get size(): number {
    return this.#runs.length;
  }

  add(run: Run): void {
    if (run.seat === -1) run.seat = this.#runs.push(run) - 1;
  }

  delete(run: Run): void {
    const { seat } = run;
    if (seat === -1) return;
    run.seat = -1;
    const last = this.#runs.pop();
    if (last === undefined || last === run) return;
    this.#runs[seat] = last;
    last.seat = seat;
  }

  /** Those of now: what comes and goes meanwhile changes nothing. */
  [Symbol.iterator](): Iterator<Run> {
    return [...this.#runs].values();
  }
}
