/** A promise that is made when somebody asks for it: most are never asked for, and then nobody has to handle their rejection either. */
export class Later<T> {
  #promise: Promise<T> | undefined;
  #resolve: ((value: T) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #settled: { readonly value: T } | { readonly error: unknown } | undefined;

  get promise(): Promise<T> {
    return (this.#promise ??= this.#make());
  }

  #make(): Promise<T> {
    const settled = this.#settled;
    if (settled !== undefined) return 'value' in settled ? Promise.resolve(settled.value) : Promise.reject(settled.error as Error);
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Like that of a promise: only the first end counts. */
  resolve(value: T): void {
    if (this.#settled !== undefined) return;
    this.#settled = { value };
    this.#resolve?.(value);
  }

  reject(error: unknown): void {
    if (this.#settled !== undefined) return;
    this.#settled = { error };
    this.#reject?.(error);
  }
}
