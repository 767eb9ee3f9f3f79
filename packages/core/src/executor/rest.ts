/** When a body is at rest: all microtasks are drained, so it has made every call to which what it was told leads. */

let turns = 0;
let watched = false;

/**
 * The turn that this microtask runs in, which ends when all microtasks are drained: within one, no body is known to have come to rest.
 * To be called from a microtask: elsewhere its end would come before those that wait already.
 */
export function turn(): number {
  if (!watched) {
    watched = true;
    process.nextTick(over);
  }
  return turns;
}

function over(): void {
  watched = false;
  turns++;
}

/** nextTick from inside a microtask fires once all microtasks are drained; setImmediate would also wait for ready I/O. */
export function atRest(then: () => void): void {
  queueMicrotask(() => process.nextTick(then));
}
