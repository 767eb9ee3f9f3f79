import { backoffDelay, resolveRetry } from '@apiary/core/internal';
import { isApiaryError, type RetryPolicy } from '@apiary/decorators/internal';
import { expect } from 'chai';

const never = (): number => 0;
const always = (): number => 1;

describe('retry policies', () => {
  it('have defaults: 3 attempts, 1 second doubled to 1 minute, a fifth of jitter', () => {
    expect(resolveRetry()).deep.equal({ maxAttempts: 3, initialIntervalMs: 1000, maxIntervalMs: 60_000, backoff: 2, jitter: 0.2, retryIf: undefined });
    expect(resolveRetry(undefined, {}, { maxAttempts: undefined })).deep.equal(resolveRetry());
  });

  it('are merged, the later over the earlier, absent values not', () => {
    const retryIf = (): boolean => true;
    const merged = resolveRetry({ maxAttempts: 5, initialInterval: '2 seconds', retryIf }, { maxAttempts: undefined, backoff: 3 }, { jitter: 0 });
    expect(merged).deep.equal({ maxAttempts: 5, initialIntervalMs: 2000, maxIntervalMs: 60_000, backoff: 3, jitter: 0, retryIf });
    expect(resolveRetry({ maxAttempts: 1 }, { maxAttempts: Infinity }).maxAttempts).equal(Infinity);
  });

  it('take a first wait above the default longest one', () => {
    expect(resolveRetry({ initialInterval: '5 minutes' })).deep.include({ initialIntervalMs: 300_000, maxIntervalMs: 300_000 });
  });

  it('are refused with the path of what is wrong', () => {
    const bad: readonly (readonly [unknown, string])[] = [
      [{ maxAttempts: 0 }, 'retry.maxAttempts'],
      [{ maxAttempts: 1.5 }, 'retry.maxAttempts'],
      [{ maxAttempts: '3' }, 'retry.maxAttempts'],
      [{ maxAttempts: Number.NaN }, 'retry.maxAttempts'],
      [{ maxAttempts: null }, 'retry.maxAttempts'],
      [{ backoff: 0.5 }, 'retry.backoff'],
      [{ backoff: Infinity }, 'retry.backoff'],
      [{ jitter: 1.1 }, 'retry.jitter'],
      [{ jitter: -0.1 }, 'retry.jitter'],
      [{ jitter: '0.1' }, 'retry.jitter'],
      [{ initialInterval: '1 hourz' }, 'retry.initialInterval'],
      [{ initialInterval: -1 }, 'retry.initialInterval'],
      [{ maxInterval: 'soon' }, 'retry.maxInterval'],
      [{ maxInterval: Infinity }, 'retry.maxInterval'],
      [{ initialInterval: 100, maxInterval: 10 }, 'retry.maxInterval'],
      [{ retryIf: true }, 'retry.retryIf'],
      [{ attempts: 3 }, 'retry.attempts'],
      [null, 'retry'],
      [5, 'retry'],
      [[], 'retry'],
    ];
    for (const [policy, path] of bad) {
      try {
        resolveRetry(policy as RetryPolicy);
      } catch (error) {
        if (!isApiaryError(error, 'CONFIG')) throw error;
        expect(error.details.path).equal(path);
        continue;
      }
      expect.fail(`took ${JSON.stringify(policy)}`);
    }
  });
});

describe('the wait before the next attempt', () => {
  it('grows by the factor up to the longest', () => {
    const policy = resolveRetry({ initialInterval: 100, backoff: 3, maxInterval: 1000, jitter: 0 });
    expect([1, 2, 3, 4, 5, 1000].map((attempt) => backoffDelay(policy, attempt, never))).deep.equal([100, 300, 900, 1000, 1000, 1000]);
  });

  it('is shortened by at most the jitter, never lengthened', () => {
    const policy = resolveRetry({ initialInterval: 100, maxInterval: 100, jitter: 0.5 });
    expect(backoffDelay(policy, 1, never)).equal(100);
    expect(backoffDelay(policy, 1, always)).equal(50);
    expect(backoffDelay(resolveRetry({ jitter: 1 }), 3, always)).equal(0);
  });

  it('is a number at attempt 100 000, with a first wait of nothing too', () => {
    expect(backoffDelay(resolveRetry({ jitter: 0 }), 100_000, never)).equal(60_000);
    expect(backoffDelay(resolveRetry({ initialInterval: 0 }), 100_000, always)).equal(0);
    expect(backoffDelay(resolveRetry({ backoff: 1, jitter: 0 }), 100_000, never)).equal(1000);
  });
});
