/** A generous bound, which proves nothing: it ends a test that would hang. */
const withinMs = 30_000;

/** Somebody's code stands at a gate. */
export interface Arrival {
  /** Lets it go on. */
  pass(): void;
}

/**
 * Gates at which a test holds user code: in this process by promises, in a child process by the points that it tells its parent
 * (`elsewhere`).
 */
export class Gates {
  elsewhere: ((name: string) => Promise<void>) | undefined;
  readonly #open = new Set<string>();
  /** Those that nobody asked for yet. */
  readonly #arrived = new Map<string, Arrival[]>();
  readonly #standing = new Map<string, (() => void)[]>();
  readonly #wanted = new Map<string, ((arrival: Arrival) => void)[]>();

  /** Called by user code; resolves when the test lets it pass. */
  at(name: string): Promise<void> {
    if (this.elsewhere !== undefined) return this.elsewhere(name);
    if (this.#open.has(name)) return Promise.resolve();
    return new Promise((pass) => {
      push(this.#standing, name, pass);
      const wanted = this.#wanted.get(name)?.shift();
      if (wanted !== undefined) wanted({ pass });
      else push(this.#arrived, name, { pass });
    });
  }

  /** The next one that stands at the gate, or comes to it. */
  reached(name: string): Promise<Arrival> {
    const arrival = this.#arrived.get(name)?.shift();
    if (arrival !== undefined) return Promise.resolve(arrival);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited in vain until somebody stands at the gate ${JSON.stringify(name)}`)), withinMs);
      push(this.#wanted, name, (found) => {
        clearTimeout(timer);
        resolve(found);
      });
    });
  }

  /** How many stand at it that nobody asked for. */
  waiting(name: string): number {
    return this.#arrived.get(name)?.length ?? 0;
  }

  /** Lets all pass, now and later. */
  open(name: string): void {
    this.#open.add(name);
    for (const pass of this.#standing.get(name)?.splice(0) ?? []) pass();
  }

  /** Opens all for ever, so that nothing of a test hangs on them. */
  openAll(): void {
    for (const name of this.#standing.keys()) this.open(name);
  }

  reset(): void {
    this.openAll();
    this.#open.clear();
    this.#arrived.clear();
    this.#standing.clear();
    this.#wanted.clear();
  }
}

function push<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

export const gates = new Gates();
