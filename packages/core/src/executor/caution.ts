/**
 * Whether the final flight of a function may wait for what the body does next. Not for a while after its tail was slow several times in
 * a row (locks would be held over a user's computation; one slow tail may be the machine's doing) or its last flight failed (else
 * conflicts at COMMIT would make void runs ordinary; DESIGN 4.4).
 */
import { monotonic } from '../clock.js';

const slowInARow = 3;
const forMs = 1000;
const longest = 60_000;

export class Caution {
  readonly #slowMs: number;
  #until = 0;
  #slow = 0;
  #failures = 0;

  /** @param slowMs a tail longer than this is slow */
  constructor(slowMs: number) {
    this.#slowMs = slowMs;
  }

  get isUp(): boolean {
    return this.#until > monotonic();
  }

  /** How long the body took from the value to its next call or its end. */
  tail(ms: number): void {
    if (ms <= this.#slowMs) {
      this.#slow = 0;
      return;
    }
    if (++this.#slow < slowInARow) return;
    this.#until = monotonic() + forMs;
    this.#slow = slowInARow - 1; // one more slow tail after the pause is enough
  }

  failed(): void {
    this.#failures++;
    this.#until = monotonic() + Math.min(longest, forMs * 2 ** this.#failures);
  }

  committed(): void {
    this.#failures = 0;
  }
}
