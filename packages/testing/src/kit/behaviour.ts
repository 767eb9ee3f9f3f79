/** Waits until the time-out of the attempt, or the end of the workflow, aborts it. */
export type Hang = () => Promise<never>;
type Reaction = (self: unknown, args: readonly unknown[], hang: Hang) => unknown;

/** A chain of reactions, each for a number of calls; the last one stays. */
export class Behaviour {
  readonly #chain: { readonly times: number; readonly react: Reaction }[] = [];
  #at = 0;
  #used = 0;

  add(times: number, react: Reaction): void {
    if (!(times >= 1)) throw new RangeError(`a mock behaves so at least once, not ${times} times`);
    this.#chain.push({ times, react });
  }

  next(method: string): Reaction {
    const present = this.#chain[this.#at];
    if (present === undefined) throw new Error(`the mock of ${method} has no behaviour`);
    if (this.#used < present.times || this.#at === this.#chain.length - 1) {
      this.#used++;
      return present.react;
    }
    this.#at++;
    this.#used = 0;
    return this.next(method);
  }

  rewind(): void {
    this.#at = 0;
    this.#used = 0;
  }
}
