/** Capped, jittered back-off of the engine's own retries: 2 ms, doubled, at most a second. */
const first = 2;
const most = 1000;

export class Backoff {
  #next = first;

  /** The wait before the next try, in milliseconds. */
  delay(): number {
    const delay = this.#next * (0.5 + Math.random());
    this.#next = Math.min(most, this.#next * 2);
    return delay;
  }

  wait(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, this.delay()));
  }
}
