import { existsSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { FlightMoment, NumberedFlight } from './flight-numbers.js';
import { endOfStatement, SocketTap } from './socket-tap.js';
import { standardOutput, type LastWord, type Task } from './task.js';

const lookEveryMs = 5;

/** Makes its fault happen in this process, once, at the point of its task. Everything here is synchronous: no other code runs meanwhile. */
export class VictimFault {
  readonly #fault: NonNullable<Task['fault']>;
  readonly #tap = SocketTap.install();
  readonly #sockets = new Map<number, Socket>();
  #happened = false;

  constructor(fault: NonNullable<Task['fault']>) {
    this.#fault = fault;
  }

  get happened(): boolean {
    return this.#happened;
  }

  /** At each moment of each flight. */
  readonly reached = (flight: NumberedFlight, moment: FlightMoment, pid: number): void => {
    const { point } = this.#fault;
    const here = !this.#happened && flight.number === point.flight;
    if (moment === 'before') this.#aboutToWrite(flight, pid, here && (point.at === 'before' || point.at === 'within'));
    else if (here && point.at === moment) this.#happen(flight, this.#sockets.get(pid));
  };

  #aboutToWrite(flight: NumberedFlight, pid: number, here: boolean): void {
    this.#tap.next = (socket, bytes, write) => {
      this.#sockets.set(pid, socket);
      if (!here) return write(bytes);
      const { mode, point } = this.#fault;
      const sent = point.at === 'within' ? endOfStatement(bytes, point.statements ?? 0) : 0;
      // Of concurrent work another flight may have this number: it has not so many statements.
      if (sent === undefined) return write(bytes);
      if (sent > 0) write(bytes.subarray(0, sent));
      this.#happen(flight, socket);
      // PostgreSQL was away meanwhile, or the process was: the rest finds what there is now.
      if (mode === 'server' || mode === 'stop') write(bytes.subarray(sent));
    };
  }

  #happen(flight: NumberedFlight, socket: Socket | undefined): void {
    this.#happened = true;
    const { mode, point, resume } = this.#fault;
    if (mode === 'cut') socket?.destroy();
    const word: LastWord = { reached: point, flight, ...(mode === 'cut' ? { cut: socket?.destroyed === true } : {}) };
    writeSync(standardOutput, `${JSON.stringify(word)}\n`);
    switch (mode) {
      case 'kill':
        process.kill(process.pid, 'SIGKILL');
        return;
      case 'stop':
        process.kill(process.pid, 'SIGSTOP');
        return;
      case 'cut':
        return;
      case 'server':
        standStill(() => existsSync(resume));
    }
  }
}

/** Blocks the whole process. */
function standStill(until: () => boolean): void {
  const nobodyWrites = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  while (!until()) Atomics.wait(nobodyWrites, 0, 0, lookEveryMs);
}
