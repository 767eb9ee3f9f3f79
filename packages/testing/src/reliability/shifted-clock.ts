const RealDate = Date;
let shift = 0;

/** Makes the clock of this process wrong by so much, as a clock that was set would be: `Date` only, monotonic time goes on. */
export function shiftClock(ms: number): void {
  shift = ms;
  if (globalThis.Date !== RealDate) return;
  globalThis.Date = class extends RealDate {
    constructor(...args: [] | [number | string | Date]) {
      if (args.length === 0) super(RealDate.now() + shift);
      else super(...args);
    }
    static override now(): number {
      return RealDate.now() + shift;
    }
  } as DateConstructor;
}
