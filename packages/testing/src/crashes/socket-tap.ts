import { Socket } from 'node:net';

/** Instead of a write: gives what to do with its bytes. */
export type Intercept = (socket: Socket, bytes: Buffer, write: (part: Buffer) => void) => void;

/** Stands before every write to a socket of this process, which is made to fail: nothing of it is meant to outlive the run. */
export class SocketTap {
  /** Takes the next write, and only that. */
  next: Intercept | undefined;

  static install(): SocketTap {
    const tap = new SocketTap();
    const write = Socket.prototype.write as (this: Socket, ...args: unknown[]) => boolean;
    Socket.prototype.write = function (this: Socket, ...args: unknown[]): boolean {
      const { next } = tap;
      const [bytes] = args;
      if (next === undefined || !Buffer.isBuffer(bytes)) return write.apply(this, args);
      tap.next = undefined;
      next(this, bytes, (part) => void write.call(this, part));
      return true;
    };
    return tap;
  }
}

const execute = 'E'.charCodeAt(0);
const copying = new Set(['d'.charCodeAt(0), 'c'.charCodeAt(0)]);
const lengthBytes = 4;

/** Where the message ends that executes the given statement of a flight, counted from 1, and the rows that it copies; undefined if it has not so many. */
export function endOfStatement(flight: Buffer, statement: number): number | undefined {
  let seen = 0;
  let found: number | undefined;
  for (let at = 0; at + 1 + lengthBytes <= flight.length;) {
    const end = at + 1 + flight.readInt32BE(at + 1);
    if (found !== undefined && !copying.has(flight[at] as number)) return found;
    if (flight[at] === execute) seen++;
    if (seen === statement) found = end;
    at = end;
  }
  return found;
}
