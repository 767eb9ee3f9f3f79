/** Kills workers at points of progress that the seed decides, always one that has work under way. */
import type { Client } from './client.js';
import type { Crew } from './crew.js';

export interface Kill {
  readonly pid: number;
  /** Bookings settled before. */
  readonly at: number;
  /** Bookings that the victim had taken and not finished. */
  readonly underWay: number;
}

export class Killer {
  readonly kills: Kill[] = [];
  /** The victims' ends: `SIGKILL`, unless something else was quicker. */
  readonly signals: Promise<unknown>[] = [];
  readonly #points: number[];
  readonly #random: () => number;

  constructor(seed: number, count: number, bookings: number) {
    this.#random = mulberry32(seed);
    const stretch = bookings / (count + 1);
    this.#points = Array.from({ length: count }, (_, i) => Math.floor(stretch * (i + 0.7 + 0.6 * this.#random())));
  }

  /** After each booking settled; tells of a kill. */
  look(settled: number, crew: Crew, client: Client): Kill | undefined {
    const next = this.#points[0];
    if (next === undefined || settled < next) return undefined;
    const able = [...crew.workers].filter((worker) => worker.ready && !worker.killed && client.workOf(worker) > 0);
    const victim = able[Math.floor(this.#random() * able.length)];
    if (victim === undefined) return undefined; // at the next booking, then
    this.#points.shift();
    const kill = { pid: victim.process.pid ?? 0, at: settled, underWay: client.workOf(victim) };
    victim.killed = true;
    this.signals.push(victim.exited.then((end) => (end as [unknown, unknown])[1]));
    victim.process.kill('SIGKILL');
    this.kills.push(kill);
    return kill;
  }
}

/** Small seeded random numbers from 0 to 1. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
