import { milliseconds, raise, type RetryPolicy } from '@apiary/decorators/internal';

/** A retry policy with all its values. */
export interface ResolvedRetry {
  /** Attempts in all; may be Infinity. */
  readonly maxAttempts: number;
  readonly initialIntervalMs: number;
  readonly maxIntervalMs: number;
  readonly backoff: number;
  readonly jitter: number;
  readonly retryIf: ((error: unknown, attempt: number) => boolean | Promise<boolean>) | undefined;
}

const defaultMaxInterval = 60_000;
const known = ['maxAttempts', 'initialInterval', 'maxInterval', 'backoff', 'jitter', 'retryIf'] as const;

/**
 * Merges policies over the defaults (3 attempts, 1 second, 1 minute, factor 2, jitter 0.2); the last one that has a value wins.
 * @throws CONFIG with a dotted path: `retry.maxAttempts`
 */
export function resolveRetry(...policies: readonly (RetryPolicy | undefined)[]): ResolvedRetry {
  const merged: RetryPolicy = {};
  for (const policy of policies) {
    if (policy === undefined) continue;
    check(policy);
    for (const key of known) if (policy[key] !== undefined) Object.assign(merged, { [key]: policy[key] });
  }
  const initialIntervalMs = milliseconds(merged.initialInterval ?? 1000, 'retry.initialInterval');
  return {
    maxAttempts: merged.maxAttempts ?? 3,
    initialIntervalMs,
    // A first wait above the default longest one is meant: it raises it.
    maxIntervalMs: merged.maxInterval === undefined ? Math.max(defaultMaxInterval, initialIntervalMs) : milliseconds(merged.maxInterval, 'retry.maxInterval'),
    backoff: merged.backoff ?? 2,
    jitter: merged.jitter ?? 0.2,
    retryIf: merged.retryIf,
  };
}

function check(policy: RetryPolicy): void {
  if (typeof policy !== 'object' || policy === null || Array.isArray(policy)) raise('CONFIG', { path: 'retry', problem: 'is no object' });
  for (const key of Object.keys(policy)) {
    if (!(known as readonly string[]).includes(key))
      raise('CONFIG', { path: `retry.${key}`, problem: `there is no such option; known are ${known.join(', ')}` });
  }
  const { maxAttempts, backoff, jitter, retryIf } = policy;
  if (maxAttempts !== undefined && !(maxAttempts >= 1 && (Number.isInteger(maxAttempts) || maxAttempts === Infinity))) {
    raise('CONFIG', { path: 'retry.maxAttempts', problem: `${show(maxAttempts)} is no whole number from 1, nor Infinity` });
  }
  if (backoff !== undefined && !(Number.isFinite(backoff) && backoff >= 1))
    raise('CONFIG', { path: 'retry.backoff', problem: `${show(backoff)} is no number from 1` });
  if (jitter !== undefined && !(typeof jitter === 'number' && jitter >= 0 && jitter <= 1))
    raise('CONFIG', { path: 'retry.jitter', problem: `${show(jitter)} is no number from 0 to 1` });
  if (retryIf !== undefined && typeof retryIf !== 'function') raise('CONFIG', { path: 'retry.retryIf', problem: `${show(retryIf)} is no function` });
  const initial = policy.initialInterval === undefined ? 0 : milliseconds(policy.initialInterval, 'retry.initialInterval');
  const max = policy.maxInterval === undefined ? initial : milliseconds(policy.maxInterval, 'retry.maxInterval');
  if (initial > max) raise('CONFIG', { path: 'retry.maxInterval', problem: 'is shorter than retry.initialInterval' });
}

function show(value: unknown): string {
  return typeof value === 'string'
    ? JSON.stringify(value)
    : typeof value === 'object' || typeof value === 'function'
      ? `a value of type ${typeof value}`
      : String(value);
}

/**
 * The wait before the next attempt, in milliseconds.
 * @param attempt the attempt that failed, from 1
 * @param random gives a number from 0 to 1; jitter only shortens a wait, so `maxInterval` holds
 */
export function backoffDelay(policy: ResolvedRetry, attempt: number, random: () => number = Math.random): number {
  // Far out the factor is Infinity; with a first wait of nothing the product would be NaN.
  const full = policy.initialIntervalMs === 0 ? 0 : Math.min(policy.maxIntervalMs, policy.initialIntervalMs * policy.backoff ** (attempt - 1));
  return full * (1 - policy.jitter * random());
}
