/** How long somebody waits for an outcome; what is waited for goes on. */
import { apiaryError, milliseconds, raise } from '@apiary/decorators/internal';
import { after } from '../clock.js';
import { ignore } from '../executor/signals.js';
import type { WaitOptions } from './types.js';

export interface Wait {
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** @throws CONFIG */
export function checkWait(options: WaitOptions = {}): Wait {
  for (const key of Object.keys(options))
    if (key !== 'timeout' && key !== 'signal') raise('CONFIG', { path: `result.${key}`, problem: 'no such option: timeout or signal' });
  const { signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) raise('CONFIG', { path: 'result.signal', problem: 'is no AbortSignal' });
  return { timeoutMs: options.timeout === undefined ? undefined : milliseconds(options.timeout, 'result.timeout'), signal };
}

/** The caller stops waiting; what it waited for goes on. */
export function waiting<T>(result: Promise<T>, { timeoutMs, signal }: Wait): Promise<T> {
  if (timeoutMs === undefined && signal === undefined) return result;
  result.catch(ignore);
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => {
      alarm.cancel();
      signal?.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      stop();
      reject(signal?.reason as Error);
    };
    const alarm = after(timeoutMs ?? Number.POSITIVE_INFINITY, () => {
      stop();
      reject(apiaryError('WAIT_TIMEOUT', { timeoutMs: timeoutMs as number }));
    });
    if (signal?.aborted === true) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    result.then(resolve, reject).finally(stop);
  });
}
