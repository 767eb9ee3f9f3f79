import { after, type Alarm } from './clock.js';

/** The promise, or the error that `onTimeout` makes, if it has not settled after the given time. The promise's late end is ignored. */
export async function withTimeout<T>(promise: Promise<T>, ms: number, onTimeout: () => Error): Promise<T> {
  if (!Number.isFinite(ms)) return promise;
  let alarm: Alarm | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        alarm = after(ms, () => reject(onTimeout()));
      }),
    ]);
  } finally {
    alarm?.cancel();
    // Once raced, nobody else hears of a rejection.
    promise.catch(() => {});
  }
}
