import { delay } from './clock.js';

/** Capped, jittered back-off of the engine's own retries: 2 ms, doubled, at most a second. */
const first = 2;
const most = 1000;

export class Backoff {
  #next = first;

  /** The wait before the next try, in milliseconds. */
  delay(): number {
    const wait = this.#next * (0.5 + Math.random());
    this.#next = Math.min(most, this.#next * 2);
    return wait;
  }

  wait(): Promise<void> {
    return delay(this.delay());
  }
}
