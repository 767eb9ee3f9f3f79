/**
 * Settles the recorded calls of a replay in the order in which the first run settled them, not in the order of their ids: with two calls
 * under way, what the body does next may depend on which came first (a failing `Promise.all`). Whenever the body has come to rest, the
 * call that was settled first among those it waits for is next; so it never waits for a call that a changed body no longer makes.
 */
export class ReplayOrder {
  #waiting: { readonly at: number; readonly settle: () => void }[] = [];
  #scheduled = false;

  /** Resolves when it is the turn of the record that was completed then. */
  turn(completedAt: number): Promise<void> {
    return new Promise((settle) => {
      this.#waiting.push({ at: completedAt, settle });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // nextTick from inside a microtask fires when all microtasks are drained: the body is at rest.
    queueMicrotask(() => process.nextTick(this.#next));
  }

  readonly #next = (): void => {
    this.#scheduled = false;
    let first = 0;
    for (let i = 1; i < this.#waiting.length; i++) if ((this.#waiting[i]?.at ?? 0) < (this.#waiting[first]?.at ?? 0)) first = i;
    const [turn] = this.#waiting.splice(first, 1);
    turn?.settle();
    if (this.#waiting.length > 0) this.#schedule();
  };
}
