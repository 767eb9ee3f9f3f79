import { inspect, isDeepStrictEqual } from 'node:util';
import { Codec } from '@apiary/core/internal';
import { isApiaryError, type ApiaryError, type ErrorCode } from '@apiary/decorators/internal';
import { expect } from 'chai';

export interface Warning {
  readonly message: string;
  readonly fields: Record<string, unknown> | undefined;
}

export function newCodec(limits: { payload?: number; payloadWarning?: number } = {}): { codec: Codec; warnings: Warning[] } {
  const warnings: Warning[] = [];
  const codec = new Codec({ payload: 4 << 20, payloadWarning: 256 << 10, ...limits, warn: (message, fields) => warnings.push({ message, fields }) });
  return { codec, warnings };
}

/** Strictly equal, prototypes, -0 and cycles included; chai takes more for equal. */
export function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) throw new Error(`got ${show(actual)}\nexpected ${show(expected)}`);
}

export function show(value: unknown): string {
  return inspect(value, { depth: 5, maxStringLength: 100, maxArrayLength: 20 }).slice(0, 600);
}

export function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return expect.fail('nothing was thrown');
}

export function apiaryErrorOf<C extends ErrorCode>(code: C, run: () => unknown): ApiaryError<C> {
  const error = thrownBy(run);
  if (!isApiaryError(error, code)) throw error;
  return error as ApiaryError<C>;
}

/** Fit for a `text` column of PostgreSQL. */
export function expectStorable(text: string): void {
  expect(text.includes('\0'), 'holds NUL').equal(false);
  expect(/\p{Surrogate}/u.test(text), 'holds a lone surrogate').equal(false);
  JSON.parse(text);
}
