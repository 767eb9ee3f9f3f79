import { SeededRandom } from '../faults/random.js';
import { common, type Boundary } from './boundaries.js';
import { Report, type CrashReport } from './crash-report.js';
import { Reference } from './reference.js';
import { definitionIn, definitionOf, type Scenario } from './scenario.js';
import { Stage, type RunResult } from './stage.js';
import { Victims } from './victims.js';

export interface CrashOptions {
  /** A file whose default export is the scenario: crash by SIGKILL of a child process that loads it. Default: in process. */
  readonly module?: URL | undefined;
  /** Also crash each recovery once. Default false. */
  readonly twice?: boolean | undefined;
  readonly seed?: number | undefined;
}

/** More pairs than these are drawn from. */
const mostPairs = 100;
/** Work that goes on side by side may miss a point now and then. */
const mostMisses = 8;
/** Only this point, `3f2a...`, with `twice` its recoveries too; or only this pair of points, `3f2a...,77b0...`. */
const variable = 'APIARY_CRASH_POINT';

/**
 * Crashes before and after every statement and step boundary, recovers, compares with the crash-free run and asserts.
 *
 * @param options.module a file whose default export is the scenario: crash by SIGKILL of a child process that loads it; default in process
 * @param options.twice also crash each recovery once, at each of its points, or at 100 pairs drawn with the seed if there are more
 * @param options.seed for what is drawn; default 1
 * @throws Error with the shortest reproduction, what differed, and how to run only that; CONFIG if it is no scenario
 */
export async function enumerateCrashes(scenario: Scenario, options: CrashOptions = {}): Promise<CrashReport> {
  return enumerate(scenario, options);
}

/** The same for tests of it, with another bound of the pairs. */
export async function enumerate(
  scenario: Scenario,
  { module, twice = false, seed = 1, most = mostPairs }: CrashOptions & { most?: number },
): Promise<CrashReport> {
  const definition = module === undefined ? definitionOf(scenario) : await definitionIn(module);
  await using victims = module === undefined ? undefined : new Victims(module);
  await using stage = new Stage(definition, victims?.live);
  return await new Enumeration(stage, { twice, seed, most, killed: module !== undefined }).run();
}

interface Settings {
  readonly twice: boolean;
  readonly seed: number;
  /** Most pairs. */
  readonly most: number;
  readonly killed: boolean;
}

class Enumeration {
  readonly #stage: Stage;
  readonly #options: Settings;
  #actMovesTime = false;
  #points: readonly Boundary[] = [];
  /** Where a point stands among all. */
  #places = new Map<string, string>();

  constructor(stage: Stage, options: Settings) {
    this.#stage = stage;
    this.#options = options;
  }

  async run(): Promise<CrashReport> {
    const { reference, passing } = await this.#crashFree();
    const only = process.env[variable]?.split(',') ?? [];
    if (only.length > 1) return this.#pair(only, reference);
    const [key] = only;
    if (key !== undefined) this.#points = [this.#points.find((point) => point.key === key) ?? { key, name: `at point ${key}` }];
    const recoveries: (readonly Boundary[])[] = [];
    for (const point of this.#points) recoveries.push((await this.#visit([point], reference)).traces[1] ?? []);
    const pairs = this.#options.twice ? await this.#twice(recoveries, reference) : undefined;
    return this.#report(this.#points, pairs, passing);
  }

  /** Twice: what differs between the two is none of a crash's doing. */
  async #crashFree(): Promise<{ readonly reference: Reference; readonly passing: number }> {
    let first = whole(await this.#stage.run([], false));
    if (first.actMovedTime) {
      this.#actMovesTime = true;
      first = whole(await this.#stage.run([], true));
    }
    const second = whole(await this.#stage.run([], this.#actMovesTime));
    const [a = [], b = []] = [first.traces[0], second.traces[0]];
    this.#points = common(a, b);
    this.#places = new Map(this.#points.map(({ key }, i) => [key, `point ${i + 1} of ${this.#points.length}: `]));
    if (this.#points.length === 0) throw new Error('act calls no function of this app: there is nothing to crash');
    return { reference: new Reference(first.state, second.state), passing: new Set([...a, ...b].map(({ key }) => key)).size - this.#points.length };
  }

  async #twice(recoveries: readonly (readonly Boundary[])[], reference: Reference): Promise<{ readonly total: number; readonly visited: number }> {
    const all = this.#points.flatMap((first, i) => (recoveries[i] ?? []).map((second): readonly Boundary[] => [first, second]));
    const order = new Map(all.map((pair, i) => [pair, i]));
    const { seed, most } = this.#options;
    const drawn = new SeededRandom(seed).shuffle(all).slice(0, most);
    const chosen = all.length <= most ? all : drawn.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
    for (const pair of chosen) await this.#visit(pair, reference);
    return { total: all.length, visited: chosen.length };
  }

  async #pair(keys: readonly string[], reference: Reference): Promise<CrashReport> {
    const named = keys.map((key) => this.#points.find((point) => point.key === key) ?? { key, name: `at point ${key}` });
    const { crashes } = await this.#visit(named, reference);
    return this.#report(crashes.slice(0, 1), { total: 1, visited: 1 }, 0);
  }

  /** @throws Error if the run was not as without a crash, or the points were not reached */
  async #visit(points: readonly Boundary[], reference: Reference): Promise<RunResult> {
    for (let misses = 0; misses < mostMisses; misses++) {
      const result = await this.#stage.run(
        points.map(({ key }) => key),
        this.#actMovesTime,
      );
      const problems = [
        ...(result.failure === undefined ? [] : [result.failure.words]),
        ...(result.state === undefined ? [] : reference.differences(result.state)),
      ];
      if (result.crashes.length < points.length && result.failure === undefined) continue;
      if (problems.length > 0) throw new Error(this.#reproduction(result.crashes, problems), { cause: result.failure?.error });
      return result;
    }
    throw new Error(`a point was not reached in ${mostMisses} runs, so it shows nothing: ${points.map(({ name }) => name).join(', then ')}`);
  }

  #reproduction(crashes: readonly Boundary[], problems: readonly string[]): string {
    const keys = crashes.map(({ key }) => key).join(',');
    const at = crashes.map(({ name, key }) => `  ${this.#places.get(key) ?? ''}${name}`);
    return [
      crashes.length === 0 ? 'the scenario is wrong:' : `the scenario does not survive a crash (${this.#options.killed ? 'SIGKILL' : 'in process'}):`,
      ...at.flatMap((line, n) => (n === 0 ? [line] : ['and again, in the recovery', line])),
      'what came of it:',
      ...problems.map((problem) => `  ${problem.replaceAll('\n', '\n  ')}`),
      ...(crashes.length === 0 ? [] : [`to run only this: set ${variable}=${keys} (seed ${this.#options.seed})`]),
    ].join('\n');
  }

  #report(visited: readonly Boundary[], pairs: { readonly total: number; readonly visited: number } | undefined, passing: number): Report {
    const { seed, killed } = this.#options;
    return new Report({ visited, runs: this.#stage.runs, seed, pairs, passing, killed });
  }
}

function whole(result: RunResult): RunResult & { readonly state: NonNullable<RunResult['state']> } {
  if (result.failure !== undefined) throw new Error(`the scenario fails without any crash: ${result.failure.words}`, { cause: result.failure.error });
  const { state } = result;
  if (state === undefined) throw new Error('the run did not come to its end');
  return { ...result, state };
}
