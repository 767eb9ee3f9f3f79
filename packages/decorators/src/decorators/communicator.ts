import type { Duration } from '../duration.js';
import { decorateMethod } from '../method.js';
import type { Nameable, Recorded } from './recorded.js';

export interface RetryPolicy {
  /** Attempts in all, the first included. Default 3; 1 is no retry, Infinity is allowed. */
  maxAttempts?: number | undefined;
  /** Wait before the second attempt. Default 1 second. */
  initialInterval?: Duration | undefined;
  /** Longest wait. Default 1 minute. */
  maxInterval?: Duration | undefined;
  /** Factor between waits. Default 2. */
  backoff?: number | undefined;
  /** Random share of each wait, 0 to 1. Default 0.2. */
  jitter?: number | undefined;
  /** Asked after each failure, never for NonRetryableError; false makes the error itself the outcome, what it throws too. Default: always true. */
  retryIf?: ((error: unknown, attempt: number) => boolean | Promise<boolean>) | undefined;
}
export interface CommunicatorOptions extends Nameable {
  /** Merged over `Config.retry`. */
  retry?: RetryPolicy | undefined;
  /** Time for one attempt; then `signal()` aborts, a late result is discarded and the attempt failed with STEP_TIMEOUT. Default none. */
  timeout?: Duration | undefined;
}
type CommunicatorDecorator = <M>(target: object, key: Recorded<M, '@Communicator'>, descriptor: TypedPropertyDescriptor<M>) => void;

/**
 * A call to the outside: recorded when it returns, repeated if a crash hid the answer (at least once: pass `idempotencyKey()` on).
 * @param options name, retry policy and time-out of an attempt; a wrong one is REGISTRATION at launch
 */
export function Communicator(options?: CommunicatorOptions): CommunicatorDecorator {
  return decorateMethod('communicator', options);
}
