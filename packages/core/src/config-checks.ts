/** Checks of single config values: each gives undefined for undefined, and throws CONFIG with the path for what does not fit. */
import { milliseconds, raise, type Duration } from '@apiary/decorators/internal';

type Given = Readonly<Record<string, unknown>>;

/** A value for an error message: never its content, which may be a secret, unless it is short and plain. */
export function show(value: unknown): string {
  if (typeof value === 'string') return value.length <= 40 ? JSON.stringify(value) : 'a long text';
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return 'a list';
  return `a value of type ${typeof value}`;
}

export function objectOf(value: unknown, path: string): Given {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) raise('CONFIG', { path, problem: `${show(value)} is no object` });
  return value as Given;
}

export function listOf(value: unknown, path: string): readonly unknown[] | undefined {
  if (value !== undefined && !Array.isArray(value)) raise('CONFIG', { path, problem: `${show(value)} is no list` });
  return value as readonly unknown[] | undefined;
}

export function booleanOf(value: unknown, path: string): boolean | undefined {
  if (value !== undefined && typeof value !== 'boolean') raise('CONFIG', { path, problem: `${show(value)} is neither true nor false` });
  return value as boolean | undefined;
}

export function integerOf(value: unknown, path: string, least: number, most: number): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  return raise('CONFIG', { path, problem: `${show(value)} is no whole number from ${least} to ${most}` });
}

export function durationOf(value: unknown, path: string, leastMs: number, mostMs: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = milliseconds(value as Duration, path);
  if (ms < leastMs || ms > mostMs) raise('CONFIG', { path, problem: `${show(value)} is not from ${leastMs} to ${mostMs} milliseconds` });
  return ms;
}

export function oneOf<const T extends string>(value: unknown, path: string, allowed: readonly T[]): T | undefined {
  if (value !== undefined && !allowed.includes(value as T))
    raise('CONFIG', { path, problem: `${show(value)} is not one of ${allowed.map((v) => `'${v}'`).join(', ')}` });
  return value as T | undefined;
}

const refused = /[\0\p{Surrogate}]/u;

export function textOf(value: unknown, path: string, mostBytes: number): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') return raise('CONFIG', { path, problem: `${show(value)} is no text` });
  if (value === '') raise('CONFIG', { path, problem: 'is empty' });
  if (refused.test(value)) raise('CONFIG', { path, problem: 'is not well-formed Unicode without NUL' });
  if (Buffer.byteLength(value) > mostBytes) raise('CONFIG', { path, problem: `is longer than ${mostBytes} bytes` });
  return value;
}

/** Options that are accepted and ignored are worse than none. */
export function noUnknownKeys(given: Given, known: readonly string[], prefix: string): void {
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    raise('CONFIG', { path: prefix + key, problem: `there is no such option${near === undefined ? '' : `; did you mean ${prefix}${near}?`}` });
  }
}

function nearest(key: string, known: readonly string[]): string | undefined {
  const ranked = known.map((name) => ({ name, far: distance(key.toLowerCase(), name.toLowerCase()) })).sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best !== undefined && best.far <= Math.max(1, Math.floor(key.length / 3)) ? best.name : undefined;
}

/** Of Levenshtein: how many letters differ. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] as number;
}
