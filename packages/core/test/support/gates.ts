/** Places in the user code of a test at which it waits, so that a schedule is made and not hoped for. Open unless closed. */
export class Gates {
  readonly #closed = new Map<string, { readonly opened: Promise<void>; readonly open: () => void }>();
  readonly #visits = new Map<string, number>();
  #watchers: { readonly name: string; readonly visits: number; readonly there: () => void }[] = [];

  /** From now on whoever comes to this place waits there. */
  close(...names: readonly string[]): void {
    for (const name of names) {
      if (this.#closed.has(name)) continue;
      let open!: () => void;
      const opened = new Promise<void>((resolve) => (open = resolve));
      this.#closed.set(name, { opened, open });
    }
  }

  open(...names: readonly string[]): void {
    for (const name of names) {
      this.#closed.get(name)?.open();
      this.#closed.delete(name);
    }
  }

  /** Called by the code under test. */
  async at(name: string): Promise<void> {
    const visits = this.visits(name) + 1;
    this.#visits.set(name, visits);
    for (const watcher of this.#watchers.filter((w) => w.name === name && w.visits <= visits)) watcher.there();
    this.#watchers = this.#watchers.filter((w) => w.name !== name || w.visits > visits);
    await this.#closed.get(name)?.opened;
  }

  /** How often it was visited: how often that code ran. */
  visits(name: string): number {
    return this.#visits.get(name) ?? 0;
  }

  /** Resolves at the given visit of the place, the first one by default. */
  reached(name: string, visits = 1): Promise<void> {
    if (this.visits(name) >= visits) return Promise.resolve();
    return new Promise((there) => this.#watchers.push({ name, visits, there }));
  }

  /** Opens all and forgets all visits. */
  reset(): void {
    this.open(...this.#closed.keys());
    this.#visits.clear();
    this.#watchers = [];
  }
}
