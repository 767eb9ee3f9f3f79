import type { Boundary } from './boundaries.js';

export interface CrashReport {
  /** Points at which an executor died once. */
  readonly points: number;
  /** Runs of the scenario, those without a crash included. */
  readonly runs: number;
  toString(): string;
}

export interface Pairs {
  /** All that there are. */
  readonly total: number;
  readonly visited: number;
}

export interface Visits {
  readonly visited: readonly Boundary[];
  readonly runs: number;
  readonly seed: number;
  /** With `twice`. */
  readonly pairs: Pairs | undefined;
  /** Points that only one of the two runs without a crash had. */
  readonly passing: number;
  readonly killed: boolean;
}

/** What was visited, for people. */
export class Report implements CrashReport {
  readonly #visits: Visits;

  constructor(visits: Visits) {
    this.#visits = visits;
  }

  get points(): number {
    return this.#visits.visited.length;
  }

  get runs(): number {
    return this.#visits.runs;
  }

  toString(): string {
    const { visited, runs, seed, pairs, passing, killed } = this.#visits;
    const how = killed ? 'a process was killed (SIGKILL)' : 'the executor died';
    const lines = visited.map(({ key, name }, i) => `${String(i + 1).padStart(4)}  ${key}  ${name}`);
    return [
      `${visited.length} points at which ${how}, ${runs} runs; each ended as the run without a crash did:`,
      ...lines,
      ...(pairs === undefined ? [] : [twiceLine(pairs, seed)]),
      ...(passing === 0 ? [] : [`${passing} points are not in every run, since work goes on side by side; they were left out`]),
    ].join('\n');
  }
}

function twiceLine({ total, visited }: Pairs, seed: number): string {
  if (visited === total) return `and all ${total} pairs: the recovery of each died once more, at each of its points`;
  return `and ${visited} of ${total} pairs, in which the recovery died once more, drawn with seed ${seed}`;
}
