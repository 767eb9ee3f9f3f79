/** E2: the recovery is killed too. Pairs of points: of the run, and of the recovery from it. */
import { SeededRandom } from '../faults/random.js';
import { crashFree, inParallel } from './enumerate.js';
import type { NumberedFlight } from './flight-numbers.js';
import { runCrashedTwice, type Bench } from './one-run.js';
import type { PairMemory } from './pair-memory.js';
import { nameOf, pointsOf, type CrashPoint } from './point.js';
import { loadScenario } from './scenario.js';
import { ShapeDatabases } from './shape-database.js';
import { Victims } from './victims.js';

export interface TwiceOptions {
  /** Connection string of an account that may create databases. */
  readonly server: string;
  /** So many pairs, drawn with the seed; all of them if there are fewer. */
  readonly most: number;
  readonly seed: number;
  readonly parallel?: number;
  readonly patienceMs?: number;
  readonly memory?: PairMemory;
  readonly onPair?: (result: PairResult, done: number, total: number) => void;
}

export interface Pair {
  readonly first: CrashPoint;
  readonly second: CrashPoint;
}

export interface PairResult extends Pair {
  /** What the recovery wrote when it was killed; undefined: it had nothing more to do, which proves nothing. */
  readonly flight: NumberedFlight | undefined;
  readonly asMeant: boolean;
  readonly differences: readonly string[];
}

export interface TwiceResult {
  readonly shape: string;
  readonly about: string;
  /** All pairs of writes, of which some were drawn. */
  readonly pairs: number;
  readonly results: readonly PairResult[];
}

export function nameOfPair({ first, second }: Pair): string {
  return `${nameOf(first)}, then ${nameOf(second)}`;
}

/** Kills a run at a point of a write and its recovery at another, one run a pair, and compares each with the crash-free run. */
export async function enumerateTwice(module: URL, options: TwiceOptions): Promise<TwiceResult> {
  const scenario = await loadScenario(module);
  const databases = await ShapeDatabases.prepare(scenario, options.server);
  const { parallel = 2, patienceMs = 120_000 } = options;
  const victims = new Victims(module, parallel, Number.POSITIVE_INFINITY);
  const bench: Bench = { scenario, mode: 'kill', databases, victims, patienceMs };
  try {
    const expected = await crashFree(bench);
    const pairs: Pair[] = [];
    const results: PairResult[] = [];
    const known = options.memory?.of(scenario.name, expected.trace);
    await inParallel(pointsOf(expected.trace, 'write'), parallel, async (first) => {
      let seconds = known?.seconds.get(nameOf(first));
      if (seconds === undefined) {
        const { trace, differences } = await runCrashedTwice(bench, first, undefined, expected.state);
        seconds = pointsOf(trace, 'write');
        if (differences.length > 0) results.push({ first, second: { flight: 0, at: 'before' }, flight: undefined, asMeant: true, differences });
        else known?.learn(first, seconds);
      }
      pairs.push(...seconds.map((second) => ({ first, second })));
      return false;
    });
    // as they came they have the order of the machine's speed
    pairs.sort((a, b) => nameOfPair(a).localeCompare(nameOfPair(b), 'en', { numeric: true }));
    const drawn = new SeededRandom(options.seed).shuffle(pairs).slice(0, options.most);
    await inParallel(drawn, parallel, async (pair) => {
      let result = known?.pairs.get(nameOfPair(pair));
      if (result === undefined) {
        const { flight, asMeant, differences } = await runCrashedTwice(bench, pair.first, pair.second, expected.state);
        result = { ...pair, flight, asMeant, differences };
        known?.add(result);
      }
      results.push(result);
      options.onPair?.(result, results.length, drawn.length);
      return false;
    });
    return { shape: scenario.name, about: scenario.about, pairs: pairs.length, results };
  } finally {
    await victims.close();
    await databases.close();
  }
}
