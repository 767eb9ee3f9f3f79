/** Checks the options of decorators: they are data of the user, and a wrong one is told at launch. */
import { isApiaryError } from '../errors.js';
import { milliseconds, type Duration } from '../duration.js';
import type { FunctionKind } from '../registered.js';

/** What is wrong with a value, or undefined. */
type Check = (value: unknown, path: string) => string | undefined;
type Checks = Readonly<Record<string, Check>>;

const duration: Check = (value, path) => {
  try {
    milliseconds(value as Duration, path);
    return undefined;
  } catch (error) {
    if (!isApiaryError(error, 'CONFIG')) throw error;
    return error.details.problem;
  }
};
const number =
  (wanted: string, accepts: (value: number) => boolean): Check =>
  (value) =>
    typeof value === 'number' && accepts(value) ? undefined : `${show(value)} is not ${wanted}`;
const oneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    values.includes(value as string) ? undefined : `${show(value)} is not one of ${values.map(show).join(', ')}`;
const ofType =
  (type: 'boolean' | 'function'): Check =>
  (value) =>
    typeof value === type ? undefined : `${show(value)} is no ${type}`;
const object =
  (checks: Checks): Check =>
  (value, path) =>
    firstProblem(value, checks, path);

const loneSurrogate = /\p{Surrogate}/u;
const name: Check = (value) => {
  if (typeof value !== 'string' || value === '') return `${show(value)} is no name`;
  if (value.includes('\0') || loneSurrogate.test(value)) return `${show(value)} is not well-formed Unicode without NUL`;
  return value.length > 200 ? 'is longer than 200 characters' : undefined;
};
const isolation = oneOf('serializable', 'repeatable read', 'read committed');
const readOnly = ofType('boolean');
const retry = object({
  maxAttempts: number('a whole number from 1, or Infinity', (n) => n >= 1 && (Number.isInteger(n) || n === Infinity)),
  initialInterval: duration,
  maxInterval: duration,
  backoff: number('a number from 1', (n) => n >= 1 && Number.isFinite(n)),
  jitter: number('a number from 0 to 1', (n) => n >= 0 && n <= 1),
  retryIf: ofType('function'),
});

const known: Readonly<Record<FunctionKind | 'service', Checks>> = {
  service: { name },
  workflow: { name, deadline: duration, maxRecoveries: number('a whole number from 0', (n) => n >= 0 && Number.isInteger(n)) },
  transaction: { name, isolation, readOnly, timeout: duration },
  procedure: { name, isolation, readOnly },
  communicator: { name, retry, timeout: duration },
};

/**
 * What is wrong with the options of a decorator: `retry.jitter: 2 is not a number from 0 to 1`. `undefined` counts as absent.
 * @returns one text a problem
 */
export function optionProblems(kind: FunctionKind | 'service', options: unknown): readonly string[] {
  if (!isRecord(options)) return [`its options are ${show(options)}, not an object`];
  return Object.keys(options).flatMap((key) => problemOf(options, key, known[kind], '') ?? []);
}

function firstProblem(value: unknown, checks: Checks, path: string): string | undefined {
  if (!isRecord(value)) return `${show(value)} is not an object`;
  for (const key of Object.keys(value)) {
    const problem = problemOf(value, key, checks, `${path}.`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** A problem of a nested option already carries its path. */
function problemOf(options: Readonly<Record<string, unknown>>, key: string, checks: Checks, prefix: string): string | undefined {
  const path = prefix + key;
  const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
  if (check === undefined) return `${path}: there is no such option; known are ${Object.keys(checks).join(', ')}`;
  const problem = options[key] === undefined ? undefined : check(options[key], path);
  return problem === undefined || problem.startsWith(`${path}.`) ? problem : `${path}: ${problem}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'object' || typeof value === 'function' ? `a value of type ${value === null ? 'null' : typeof value}` : String(value);
}
