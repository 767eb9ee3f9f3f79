/**
 * Runs that ended here, or were parked, while somebody reads rows that say they are to run. Those rows are older than what the runs did,
 * so a run of them would call outside again what was called already. A workflow that is to run again has a higher epoch: claims,
 * wake-ups and resumes raise it.
 */
export class Departures {
  #readers = 0;
  /** The epoch of the run, by workflow; empty while nobody reads. */
  readonly #epochs = new Map<string, number>();

  /** Reads rows, or writes those of which another reader may make a run; `has` tells the truth about them until this resolves. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#readers++;
    try {
      return await work();
    } finally {
      if (--this.#readers === 0) this.#epochs.clear();
    }
  }

  add(workflowId: string, epoch: number): void {
    if (this.#readers > 0) this.#epochs.set(workflowId, epoch);
  }

  has(workflowId: string, epoch: number): boolean {
    return (this.#epochs.get(workflowId) ?? 0) >= epoch;
  }
}
