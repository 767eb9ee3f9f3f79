import { raise } from './errors.js';

export type Unit = 'ms' | 'second' | 'seconds' | 'minute' | 'minutes' | 'hour' | 'hours' | 'day' | 'days' | 'week' | 'weeks';
/** Milliseconds, or an amount with its unit: `'3 days'`. A day has 24 hours. Negative or not finite: CONFIG. */
export type Duration = number | `${number} ${Unit}`;

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const week = 7 * day;
const units: Readonly<Record<string, number>> = {
  ms: 1,
  second,
  seconds: second,
  minute,
  minutes: minute,
  hour,
  hours: hour,
  day,
  days: day,
  week,
  weeks: week,
};

/**
 * A duration in milliseconds, fractions kept.
 * @param path names the option in the error: `retry.maxInterval`
 * @throws CONFIG for anything that is no finite, non-negative duration
 */
export function milliseconds(duration: Duration, path: string): number {
  const value = typeof duration === 'number' ? duration : parse(duration);
  if (!Number.isFinite(value) || value < 0) {
    raise('CONFIG', {
      path,
      problem: `${typeof duration === 'string' ? JSON.stringify(duration) : String(duration)} is no duration: give milliseconds or an amount with its unit, like '3 days'`,
    });
  }
  return value;
}

function parse(text: unknown): number {
  if (typeof text !== 'string') return Number.NaN;
  const [amount = '', unit = '', ...rest] = text.split(' ');
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (rest.length > 0 || factor === undefined || amount.trim() === '') return Number.NaN;
  return Number(amount) * factor;
}
