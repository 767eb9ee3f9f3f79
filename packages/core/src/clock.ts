/**
 * Time. Nothing else in the engine reads a clock or makes a timer. Decisions go by the database's time (DESIGN 4.7, L9): it is estimated
 * from the last answer that told it and from the monotonic clock, so steps of this machine's clock change nothing.
 */

/** The longest wait that setTimeout takes; longer ones are chunked. */
const longestTimeout = 2 ** 31 - 1;
/** How much worse an estimate gets with age: clocks run apart by 100 parts in a million at most. */
const drift = 1e-4;

/** This machine's clock, for ids only. */
export function wallClock(): number {
  return Date.now();
}

/** Milliseconds since some moment, never stepped. For leases and measurements, which no offset concerns. */
export function monotonic(): number {
  return performance.now();
}

/** Something that will happen after some time of this process. */
export interface Alarm {
  /** Does nothing after it rang. */
  cancel(): void;
}

/**
 * Calls a function once after a time of this process, however long; no offset moves it. For what guards a wait of the engine; what a workflow waits
 * for goes by database time (`Clock.setTimer`). Infinity: never.
 */
export function after(ms: number, ring: () => void): Alarm {
  let handle: NodeJS.Timeout | undefined;
  const arm = (left: number): void => {
    const chunk = Math.min(longestTimeout, left);
    handle = setTimeout(() => (left > chunk ? arm(left - chunk) : ring()), chunk);
  };
  if (ms < Number.POSITIVE_INFINITY) arm(ms);
  return { cancel: () => clearTimeout(handle) };
}

/** Resolves after a time of this process. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => after(ms, resolve));
}

/** Something that will happen at an instant of database time. */
export interface Timer {
  readonly dueMs: number;
  /** Does nothing after it fired. */
  cancel(): void;
}

export interface TimerOptions {
  /** Whether the process stays alive for it. Default false: the app owns the process's life, not its timers. */
  readonly keepsAlive?: boolean | undefined;
}

export class Clock {
  #offsetMs = 0;
  /** Database time minus monotonic time. */
  #base = Date.now() - performance.now();
  /** How far off the base may be, and when (monotonic) that was true. */
  #uncertainty = Number.POSITIVE_INFINITY;
  #synchronisedAt = 0;
  readonly #timers = new Set<PendingTimer>();
  #closed = false;

  /** Added to all engine time, here and in the engine's statements. Zero in production; a test moves it, and due timers fire. */
  get offsetMs(): number {
    return this.#offsetMs;
  }
  set offsetMs(offsetMs: number) {
    this.#offsetMs = offsetMs;
    this.#rearm();
  }

  /** The database's time in whole milliseconds since the epoch, offset included. Before the first synchronisation this machine's time. */
  now(): number {
    return Math.floor(this.#base + monotonic() + this.#offsetMs);
  }

  monotonic(): number {
    return monotonic();
  }

  /**
   * Takes over the database's time.
   * @param databaseMs `clock_timestamp()` as the database said it, without offset
   * @param sentAt monotonic time when the question was sent
   * @param receivedAt monotonic time when the answer came
   */
  synchronise(databaseMs: number, sentAt: number, receivedAt: number): void {
    const base = databaseMs - (sentAt + receivedAt) / 2;
    const uncertainty = Math.max(0, (receivedAt - sentAt) / 2);
    const aged = this.#uncertainty + (receivedAt - this.#synchronisedAt) * drift;
    // A slow answer that contradicts nothing says less than what is known.
    if (aged < uncertainty && Math.abs(base - this.#base) <= aged + uncertainty) return;
    const step = Math.abs(base - this.#base);
    this.#base = base;
    this.#uncertainty = uncertainty;
    this.#synchronisedAt = receivedAt;
    // A timer that wakes too early looks at the time and goes on waiting; one that would wake too late is to be armed again.
    if (step > 1) this.#rearm();
  }

  /** Calls a function once, not before an instant of database time. An instant that has passed: as soon as possible, never at once. */
  setTimer(dueMs: number, fire: () => void, options: TimerOptions = {}): Timer {
    const timer = new PendingTimer(this, this.#timers, dueMs, fire, options.keepsAlive ?? false);
    if (this.#closed) return timer;
    this.#timers.add(timer);
    timer.arm();
    return timer;
  }

  /** Timers that have not fired, the next first. */
  pending(): readonly Timer[] {
    return [...this.#timers].sort((a, b) => a.dueMs - b.dueMs);
  }

  /** Drops all timers; later ones never fire. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
  }

  #rearm(): void {
    for (const timer of this.#timers) timer.arm();
  }
}

class PendingTimer implements Timer {
  readonly dueMs: number;
  readonly #clock: Clock;
  readonly #owner: Set<PendingTimer>;
  readonly #fire: () => void;
  readonly #keepsAlive: boolean;
  #handle: NodeJS.Timeout | undefined;

  constructor(clock: Clock, owner: Set<PendingTimer>, dueMs: number, fire: () => void, keepsAlive: boolean) {
    this.#clock = clock;
    this.#owner = owner;
    this.dueMs = dueMs;
    this.#fire = fire;
    this.#keepsAlive = keepsAlive;
  }

  cancel(): void {
    clearTimeout(this.#handle);
    this.#owner.delete(this);
  }

  /** Waits for what is left, or for as much of it as setTimeout can. */
  arm(): void {
    clearTimeout(this.#handle);
    this.#handle = setTimeout(this.#wake, Math.min(longestTimeout, Math.max(0, this.#left())));
    if (!this.#keepsAlive) this.#handle.unref();
  }

  readonly #wake = (): void => {
    if (this.#left() > 0) return this.arm();
    this.#owner.delete(this);
    this.#fire();
  };

  #left(): number {
    return this.dueMs - this.#clock.now();
  }
}
