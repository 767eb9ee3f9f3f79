import { Clock, type Timer, type TimerOptions } from '@apiary/core/internal';

const worthSkippingMs = 1000;

/** Time that jumps to the end of whatever waits for more than a second. Lease and database go on by theirs. */
export class SkippingClock extends Clock {
  override setTimer(dueMs: number, fire: () => void, options?: TimerOptions): Timer {
    const timer = super.setTimer(dueMs, fire, options);
    if (dueMs - this.now() > worthSkippingMs) setImmediate(() => this.#skipTo(timer));
    return timer;
  }

  #skipTo(timer: Timer): void {
    const left = timer.dueMs - this.now();
    if (left > 0 && this.pending().includes(timer)) this.offsetMs += left;
  }
}
