const everyMs = 50;

/** By how much the timers of this process are late: what the machine, not the engine, adds to a wait. */
export class TimerLag {
  readonly #note: (lateMs: number) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(note: (lateMs: number) => void) {
    this.#note = note;
  }

  start(): void {
    if (this.#timer !== undefined) return;
    let due = performance.now() + everyMs;
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#note(Math.max(0, now - due));
      due = now + everyMs;
    }, everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
