/**
 * `new Date()`. A constructor cannot be guarded without being another one, and metadata, codecs and validators compare it by identity: so `Date`
 * is another one only for code of a body.
 */
import { currentDate } from './sources.js';
import { checkBody, guardedBody } from './violation.js';

/** @returns puts it back as it was */
export function guardDate(): () => void {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'Date') as PropertyDescriptor;
  let present = globalThis.Date;
  const guarded = new WeakMap<DateConstructor, DateConstructor>();
  const get = (): DateConstructor => {
    if (guardedBody() === undefined) return present;
    let date = guarded.get(present);
    if (date === undefined) guarded.set(present, (date = guardedConstructor(present)));
    return date;
  };
  // Fake timers put theirs in its place.
  const set = (other: DateConstructor): void => {
    present = other;
  };
  Object.defineProperty(globalThis, 'Date', { configurable: true, enumerable: false, get, set });
  return () => {
    if (Object.getOwnPropertyDescriptor(globalThis, 'Date')?.get === get) Object.defineProperty(globalThis, 'Date', { ...own, value: present });
  };
}

function guardedConstructor(date: DateConstructor): DateConstructor {
  return new Proxy(date, {
    construct(target, args, newTarget) {
      if (args.length === 0) checkBody(currentDate);
      return Reflect.construct(target, args, newTarget) as object;
    },
    apply(target, self, args) {
      checkBody(currentDate);
      return Reflect.apply(target, self, args);
    },
  });
}
