import type { NumberedFlight } from './flight-numbers.js';
import { sameTrace, told } from './flight-numbers.js';
import { differences, hasUserRows, type CanonicalState } from './canonical-state.js';
import { runCrashed, runCrashFree, type Bench, type CrashedRun, type CrashFreeRun } from './one-run.js';
import { nameOf, pointsOf, type CrashMode, type CrashPoint } from './point.js';
import { loadScenario } from './scenario.js';
import { ShapeDatabases } from './shape-database.js';
import { Victims } from './victims.js';

const mostCrashFree = 6;
const mostMisses = 5;

export interface EnumerationOptions {
  readonly every: 'write' | 'statement';
  readonly mode: CrashMode;
  /** Connection string of an account that may create databases. */
  readonly server: string;
  /** Runs at once. Default 3. */
  readonly parallel?: number;
  readonly restart?: () => Promise<void>;
  /** So long, in milliseconds, nothing is said to be stuck. Default two minutes. */
  readonly patienceMs?: number;
  /** Ends at the first difference. */
  readonly untilFound?: boolean;
  /** Points that have been run before, by `nameOf`. */
  readonly known?: (trace: readonly NumberedFlight[]) => ReadonlyMap<string, PointResult>;
  readonly onPoint?: (result: PointResult, done: number, total: number) => void;
}

export interface PointResult {
  readonly point: CrashPoint;
  /** The flight at which it happened; undefined: it did not. */
  readonly flight: NumberedFlight | undefined;
  readonly asMeant: boolean;
  readonly differences: readonly string[];
}

export interface ShapeResult {
  readonly shape: string;
  readonly about: string;
  readonly mode: CrashMode;
  readonly every: 'write' | 'statement';
  readonly trace: readonly NumberedFlight[];
  readonly points: readonly PointResult[];
}

/** Makes the fault happen at every point of a scenario, one run each, and compares each with the crash-free run. */
export async function enumerateScenario(module: URL, options: EnumerationOptions): Promise<ShapeResult> {
  const scenario = await loadScenario(module);
  const databases = await ShapeDatabases.prepare(scenario, options.server);
  const { parallel = 3, patienceMs = 120_000 } = options;
  const first = new Victims(module, 2, 2);
  try {
    const expected = await crashFree({ scenario, mode: options.mode, databases, victims: first, patienceMs });
    const points = pointsOf(expected.trace, options.every);
    const known = options.known?.(expected.trace) ?? new Map<string, PointResult>();
    const todo = points.filter((point) => !known.has(nameOf(point)));
    const victims = new Victims(module, parallel, todo.length);
    const bench: Bench = {
      scenario,
      mode: options.mode,
      databases,
      victims,
      patienceMs,
      ...(options.restart === undefined ? {} : { restart: options.restart }),
    };
    const done = new Map(known);
    try {
      await inParallel(todo, parallel, async (point) => {
        const result: PointResult = { point, ...(await untilReached(bench, point, expected.state)) };
        done.set(nameOf(point), result);
        options.onPoint?.(result, done.size, points.length);
        return options.untilFound === true && result.differences.length > 0;
      });
    } finally {
      await victims.close();
    }
    return {
      shape: scenario.name,
      about: scenario.about,
      mode: options.mode,
      every: options.every,
      trace: expected.trace,
      points: points.flatMap((point) => done.get(nameOf(point)) ?? []),
    };
  } finally {
    await first.close();
    await databases.close();
  }
}

/** Twice, with the same trace and the same end: else a point would be another one in each run. */
export async function crashFree(bench: Bench): Promise<CrashFreeRun> {
  const { name, concurrent } = bench.scenario;
  let last = await runCrashFree(bench);
  if (bench.scenario.migrations !== undefined && !hasUserRows(last.state))
    throw new Error(`${name} left no row in tables of its own: there is nothing to compare`);
  // What goes on beside something else may be carried by it or not: then two runs have to be found that are the same.
  for (let again = concurrent === true ? mostCrashFree : 1; ; again--) {
    const next = await runCrashFree(bench);
    const unequal = differences(last.state, next.state);
    if (unequal.length > 0) throw new Error(`two crash-free runs of ${name} differ in what they leave:\n${unequal.join('\n')}`);
    if (sameTrace(last.trace, next.trace, concurrent !== true)) return next;
    if (again === 1) throw new Error(`two crash-free runs of ${name} differ in what they write:\n${told(last.trace)}\n--\n${told(next.trace)}`);
    last = next;
  }
}

/** A run of concurrent work may have a flight less than the one its points were counted in. */
async function untilReached(bench: Bench, point: CrashPoint, expected: CanonicalState): Promise<CrashedRun> {
  for (let again = bench.scenario.concurrent === true ? mostMisses : 1; ; again--) {
    const run = await runCrashed(bench, point, expected);
    if (run.flight !== undefined || again === 1) return run;
  }
}

/** @param work gives true when the others are not wanted any more */
export async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<boolean>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) if (await work(item)) queue.length = 0;
  };
  await Promise.all(Array.from({ length: width }, worker));
}
