/**
 * The only way in which fault tests wait: for a condition. The bound is generous, since it is no proof of anything: it ends a test that
 * would hang, and says what it hung on.
 */
export interface UntilOptions {
  /** Upper bound in milliseconds. Default 30 000. */
  readonly within?: number;
  /** Milliseconds between two looks. Default 5, growing to 50. */
  readonly every?: number;
}

/**
 * Resolves with the first truthy value of `condition`. An error that it throws counts as "not yet" and is told at the end.
 *
 * @param what completes the sentence "waited in vain until ..."
 * @throws Error after the bound, with the last value or error seen
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<Exclude<T, undefined | null | false | 0 | ''>> {
  const end = performance.now() + (options.within ?? 30_000);
  let pause = options.every ?? 5;
  let last: string;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value as Exclude<T, undefined | null | false | 0 | ''>;
      last = `last value: ${String(value)}`;
    } catch (error) {
      last = `last error: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (performance.now() > end) throw new Error(`waited in vain until ${what} (${last})`);
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (options.every === undefined) pause = Math.min(pause * 1.5, 50);
  }
}
