import { JsonLines } from '../json-lines.js';
import { nameOfPair, type PairResult } from './enumerate-twice.js';
import type { NumberedFlight } from './flight-numbers.js';
import { buildOf, hashOf } from './memory.js';
import { nameOf, type CrashPoint } from './point.js';

/** The points of a recovery, or what came of a pair. */
type Line = { readonly key: string } & ({ readonly first: CrashPoint; readonly seconds: readonly CrashPoint[] } | { readonly pair: PairResult });

/** What was learnt and tried of pairs, in a file. The points of a recovery are kept as they were found: else the same seed would draw other pairs. */
export class PairMemory {
  readonly #file: JsonLines<Line>;
  readonly #build = buildOf(['@apiary/core', '@apiary/decorators', '@apiary/testing/internal']);

  constructor(file: string, fresh: boolean) {
    this.#file = new JsonLines(file, { fresh });
  }

  /** Of a shape whose crash-free run writes this. */
  of(shape: string, trace: readonly NumberedFlight[]): KnownPairs {
    const key = `${shape} ${hashOf(trace)} ${this.#build}`;
    const lines = this.#file.earlier.filter((line) => line.key === key);
    const seconds = new Map(lines.flatMap((line) => ('seconds' in line ? [[nameOf(line.first), line.seconds] as const] : [])));
    const pairs = lines.flatMap((line) => ('pair' in line && line.pair.differences.length === 0 ? [[nameOfPair(line.pair), line.pair] as const] : []));
    return {
      seconds,
      pairs: new Map(pairs),
      learn: (first, found) => this.#file.add({ key, first, seconds: found }),
      add: (pair) => this.#file.add({ key, pair }),
    };
  }
}

export interface KnownPairs {
  /** By first point: those of its recovery. */
  readonly seconds: ReadonlyMap<string, readonly CrashPoint[]>;
  /** Pairs at which nothing was wrong. */
  readonly pairs: ReadonlyMap<string, PairResult>;
  learn(first: CrashPoint, seconds: readonly CrashPoint[]): void;
  add(pair: PairResult): void;
}
