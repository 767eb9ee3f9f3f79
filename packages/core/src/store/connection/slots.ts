/**
 * A first-in-first-out semaphore before Knex's pool. Knex gives up on a caller who waits a minute; here ten thousand callers may wait for
 * ten connections as long as it takes (DESIGN 4.8).
 */
interface Waiter {
  go(): void;
  gone: boolean;
}

export class Slots {
  #free: number;
  #waiters: Waiter[] = [];
  #head = 0;
  #closed: (() => Error) | undefined;

  constructor(size: number) {
    this.#free = size;
  }

  get free(): number {
    return this.#free;
  }

  get waiting(): number {
    return this.#waiters.length - this.#head;
  }

  /** Undefined if a slot was free: it is taken then. Else a promise of one. */
  take(signal?: AbortSignal): Promise<void> | undefined {
    if (this.#closed !== undefined) throw this.#closed();
    signal?.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return undefined;
    }
    return this.#wait(signal);
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        waiter.gone = true;
        reject(signal?.reason as Error);
      };
      const waiter: Waiter = {
        gone: false,
        go: () => {
          signal?.removeEventListener('abort', aborted);
          if (this.#closed !== undefined) reject(this.#closed());
          else resolve();
        },
      };
      signal?.addEventListener('abort', aborted, { once: true });
      this.#waiters.push(waiter);
    });
  }

  /** Passes the slot to the next one who waits. */
  give(): void {
    const next = this.#next();
    if (next === undefined) this.#free++;
    else next.go();
  }

  #next(): Waiter | undefined {
    while (this.#head < this.#waiters.length) {
      const waiter = this.#waiters[this.#head++] as Waiter;
      if (this.#head > 1024) {
        this.#waiters = this.#waiters.slice(this.#head);
        this.#head = 0;
      }
      if (!waiter.gone) return waiter;
    }
    if (this.#head > 0) {
      this.#waiters = [];
      this.#head = 0;
    }
    return undefined;
  }

  /** Fails who waits, and who comes. */
  close(reason: () => Error): void {
    this.#closed = reason;
    for (let waiter = this.#next(); waiter !== undefined; waiter = this.#next()) waiter.go();
  }
}
