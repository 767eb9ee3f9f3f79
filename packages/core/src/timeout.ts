/** The promise, or the error that `onTimeout` makes, if it has not settled after the given time. The promise's late end is ignored. */
export async function withTimeout<T>(promise: Promise<T>, ms: number, onTimeout: () => Error): Promise<T> {
  if (!Number.isFinite(ms)) return promise;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(onTimeout()), Math.min(ms, 0x7fffffff));
      }),
    ]);
  } finally {
    clearTimeout(timer);
    // Once raced, nobody else hears of a rejection.
    promise.catch(() => {});
  }
}
