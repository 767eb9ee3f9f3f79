import { after } from './clock.js';

/** The promise, or the error that `onTimeout` makes, if it has not settled after the given time. The promise's late end is ignored. */
export function withTimeout<T>(promise: Promise<T>, ms: number, onTimeout: () => Error): Promise<T> {
  if (!Number.isFinite(ms)) return promise;
  return new Promise((resolve, reject) => {
    const alarm = after(ms, () => reject(onTimeout()));
    promise.then(
      (value) => {
        alarm.cancel();
        resolve(value);
      },
      (error: unknown) => {
        alarm.cancel();
        reject(error as Error);
      },
    );
  });
}
