/**
 * Whether the final flight of a function may wait for what the body does next. Not for a while after its tail was slow (locks would be
 * held over a user's computation) or its last flight failed (else conflicts at COMMIT would make void runs ordinary; DESIGN 4.4).
 */
import { monotonic } from '../clock.js';

const slowMs = 1;
const forMs = 1000;
const longest = 60_000;

export class Caution {
  #until = 0;
  #failures = 0;

  get isUp(): boolean {
    return this.#until > monotonic();
  }

  tail(ms: number): void {
    if (ms > slowMs) this.#until = monotonic() + forMs;
    else if (this.#failures > 0 && !this.isUp) this.#failures = 0;
  }

  failed(): void {
    this.#failures++;
    this.#until = monotonic() + Math.min(longest, forMs * 2 ** this.#failures);
  }
}
