import type { FlightPoint, Probe } from '@apiary/core/internal';

/** A write to a socket: the point at which a run can be made to fail, known by its number. */
export interface NumberedFlight {
  /** From 1, in the order of writing. */
  readonly number: number;
  readonly connection: FlightPoint['connection'];
  readonly statements: readonly string[];
}

export type FlightMoment = 'before' | 'written' | 'answered';

/** The renewal of the lease comes whenever its time has come: it is no point of the work. */
const tick = /lease_counter = lease_counter \+ 1/;

export interface FlightNumbersOptions {
  readonly unnumbered: ((flight: Omit<NumberedFlight, 'number'>) => boolean) | undefined;
  /** Synchronous: nothing happens in the process before it returns. */
  readonly reached: (flight: NumberedFlight, moment: FlightMoment, pid: number) => void;
}

/** Gives the flights of an executor the same numbers in each run of the same work. */
export class FlightNumbers {
  readonly trace: NumberedFlight[] = [];
  readonly #options: FlightNumbersOptions;
  readonly #underWay = new Map<number, NumberedFlight>();
  #counting = false;

  constructor(options: FlightNumbersOptions) {
    this.#options = options;
  }

  start(): void {
    this.#counting = true;
  }

  readonly probe: Probe = (point, detail) => {
    if (!this.#counting) return;
    const { connection, pid, statements } = detail as FlightPoint;
    if (point === 'flight:before') {
      const flight = { number: this.trace.length + 1, connection, statements: statements.map((s) => oneLine(s.text)) };
      if (flight.statements.some((text) => tick.test(text)) || this.#options.unnumbered?.(flight) === true) return;
      this.trace.push(flight);
      this.#underWay.set(pid, flight);
      this.#options.reached(flight, 'before', pid);
    } else if (point === 'flight:written' || point === 'flight:answered') {
      const flight = this.#underWay.get(pid);
      if (flight === undefined) return;
      if (point === 'flight:answered') this.#underWay.delete(pid);
      this.#options.reached(flight, point === 'flight:written' ? 'written' : 'answered', pid);
    }
  };
}

/** Keys of advisory locks are made anew by each process. */
export function oneLine(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\d{9,}/g, '#')
    .trim();
}

/** Whether two runs did the same: in the same order, unless that is left open. */
export function sameTrace(a: readonly NumberedFlight[], b: readonly NumberedFlight[], ordered: boolean): boolean {
  const lines = (trace: readonly NumberedFlight[]): string[] => trace.map((f) => `${f.connection}: ${f.statements.join('; ')}`);
  const [x, y] = ordered ? [lines(a), lines(b)] : [lines(a).sort(), lines(b).sort()];
  return x.length === y.length && x.every((line, i) => line === y[i]);
}

const beginning = 100;

/** One flight a line. */
export function told(trace: readonly NumberedFlight[]): string {
  return trace.map((flight) => `${flight.number} ${flight.connection}: ${flight.statements.map((text) => text.slice(0, beginning)).join('; ')}`).join('\n');
}
