/** An assertion that is checked when it is awaited; until then its app knows that it was not. */
export class Awaited implements Promise<void> {
  readonly [Symbol.toStringTag] = 'Awaited';
  readonly text: string;
  readonly #check: () => Promise<void>;
  readonly #open: Set<{ readonly text: string }> | undefined;
  #checked: Promise<void> | undefined;

  constructor(text: string, check: () => Promise<void>, open: Set<{ readonly text: string }> | undefined) {
    this.text = text;
    this.#check = check;
    this.#open = open;
    open?.add(this);
  }

  /** A more exact assertion takes its place. */
  instead(text: string, check: () => Promise<void>): Awaited {
    this.#open?.delete(this);
    return new Awaited(text, check, this.#open);
  }

  then<A = void, B = never>(
    resolved?: ((value: void) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#open?.delete(this);
    return (this.#checked ??= this.#check()).then(resolved, rejected);
  }

  catch<B = never>(rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<void | B> {
    return this.then(undefined, rejected);
  }

  finally(done?: (() => void) | null): Promise<void> {
    return this.then().finally(done);
  }
}
