import { monotonic } from '../clock.js';

/**
 * This executor's own view of its lease, by the monotonic clock and counted from the sending of the renewal, so that it ends here no
 * later than anybody else can see it end. Every start of a step looks at it (DESIGN 4.6).
 */
export class Lease {
  readonly durationMs: number;
  #until = 0;
  #waiting: (() => void)[] = [];

  constructor(durationMs: number) {
    this.durationMs = durationMs;
  }

  isLive(): boolean {
    return monotonic() < this.#until;
  }

  /** @param sent when the renewal was sent, by the monotonic clock */
  renewed(sent: number): void {
    this.#until = sent + this.durationMs;
    if (this.isLive()) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  lost(): void {
    this.#until = 0;
  }

  /** Resolves when the lease is live again. */
  async live(): Promise<void> {
    while (!this.isLive()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
