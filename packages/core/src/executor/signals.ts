/** Thrown inside the engine when a run is found void; never reaches user code. */
export class RunVoid extends Error {
  override readonly name = 'RunVoid';
}

/** What a call of a void run gets: it never settles (DESIGN 4.5). */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}

export function ignore(): void {}

/** A rejection that nobody needs to handle: a floating one must not end the process. */
export function refused<T>(error: Error): Promise<T> {
  const promise = Promise.reject<T>(error);
  promise.catch(ignore);
  return promise;
}
