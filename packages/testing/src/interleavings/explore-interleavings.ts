import { apiaryError } from '@apiary/core/internal';
import fc from 'fast-check';
import pg from 'pg';
import type { OwnDatabase } from '../kit/databases.js';
import { MethodMock } from '../kit/mock.js';
import { Rewind } from '../kit/rewind.js';
import { databaseOf } from '../kit/test-app.js';
import { definitionOf, type Definition, type Scenario } from '../scenario/scenario.js';
import { decisions, type Decision } from './decision.js';
import type { Happened } from './faults.js';
import { Schedule, type ScheduleResult } from './schedule.js';
import { installWatch } from './watch.js';

/** What happened in a schedule. */
export interface Explored {
  readonly seed: number;
  readonly faults: readonly Happened[];
}

const defaultSeeds = 20;
/** Each takes about a second. */
const mostShrinks = 20;
const otherOrders = 4;
/** The order of writes is drawn, the time that each takes is not: a schedule that somebody asks for by its seed has so many chances to show again what it showed. */
const chancesOfNamed = 5;

/**
 * Runs it under seeded schedules of two or more executors with conflicts, dropped connections, late and repeated notifications, pauses;
 * shrinks failures. `act` runs on all executors at once; then the faults end, all work is driven to its end, `assert` is called, and each
 * effect has to have its record.
 *
 * @param options.seeds how many, or which; default 20. Each of those that are named runs up to five times, until it shows something
 * @param options.executors default 2
 * @throws Error with the seed, the fewest faults that show it, and how to run only that; CONFIG for what is no scenario or no number
 */
export async function exploreInterleavings(
  scenario: Scenario,
  options: { readonly seeds?: number | readonly number[] | undefined; readonly executors?: number | undefined } = {},
): Promise<{ readonly seeds: number }> {
  return { seeds: (await explore(scenario, options)).length };
}

/** The same for tests of it, which want to know what happened. */
export async function explore(
  scenario: Scenario,
  { seeds = defaultSeeds, executors = 2 }: { readonly seeds?: number | readonly number[] | undefined; readonly executors?: number | undefined },
): Promise<readonly Explored[]> {
  const definition = definitionOf(scenario);
  const named = typeof seeds !== 'number';
  const chosen = typeof seeds === 'number' ? Array.from({ length: seeds }, (_, i) => i + 1) : seeds;
  if (chosen.length === 0 || !chosen.every(Number.isInteger))
    throw apiaryError('CONFIG', { path: 'seeds', problem: 'is neither a number from 1 nor a list of whole numbers' });
  if (!Number.isInteger(executors) || executors < 1) throw apiaryError('CONFIG', { path: 'executors', problem: 'is no number from 1' });
  await using field = new Field(definition, executors);
  const explored: Explored[] = [];
  for (const seed of chosen) explored.push({ seed, faults: await exploreSeed(field, seed, named ? chancesOfNamed : 1) });
  return explored;
}

/** One schedule, with faults that were not drawn: for tests of them. */
export async function runSchedule(
  scenario: Scenario,
  list: readonly Decision[],
  { executors = 2, order = 1 }: { readonly executors?: number; readonly order?: number } = {},
): Promise<ScheduleResult> {
  await using field = new Field(definitionOf(scenario), executors);
  return await field.run(list, order);
}

class Found extends Error {
  readonly result: ScheduleResult;

  constructor(result: ScheduleResult) {
    super(result.problems.join('\n'));
    this.result = result;
  }
}

async function exploreSeed(field: Field, seed: number, chances: number): Promise<readonly Happened[]> {
  let first: readonly Decision[] | undefined;
  let smallest: { readonly result: ScheduleResult } | undefined;
  let last: ScheduleResult | undefined;
  let shrinks = 0;
  const property = fc.asyncProperty(decisions(field.executors), fc.noShrink(fc.nat()), async (list, order) => {
    first ??= list;
    // Without a fault the order is another one too: a few are tried.
    const orders = smallest !== undefined && list.length === 0 ? otherOrders : 1;
    const tries = smallest === undefined ? chances : orders;
    for (let n = 0; n < tries; n++) {
      // The search for fewer is over.
      if (smallest !== undefined && ++shrinks > mostShrinks) return;
      last = await field.run(list, order + (n % orders));
      if (last.problems.length === 0) continue;
      smallest = { result: last };
      throw new Found(last);
    }
  });
  const { failed, errorInstance } = await fc.check(property, { seed, numRuns: 1, unbiased: true });
  // A schedule that could not be run at all.
  if (failed && smallest === undefined) throw errorInstance;
  if (smallest === undefined) return last?.faults ?? [];
  throw new Error(words({ seed, executors: field.executors, drawn: first?.length ?? 0, runs: 1 + Math.min(shrinks, mostShrinks), result: smallest.result }), {
    cause: smallest.result.error,
  });
}

interface Finding {
  readonly seed: number;
  readonly executors: number;
  readonly drawn: number;
  readonly runs: number;
  readonly result: ScheduleResult;
}

function words({ seed, executors, drawn, runs, result }: Finding): string {
  const { faults, problems } = result;
  return [
    `the scenario is wrong when ${executors} executors do it at once: seed ${seed}, ${drawn} faults shrunk to ${faults.length} in ${runs} runs:`,
    ...(faults.length === 0 ? ['  nothing has to happen to them'] : faults.map((fault) => `  ${fault.words}${fault.happened ? '' : ' (was not reached)'}`)),
    'what came of it:',
    ...problems.map((problem) => `  ${problem.replaceAll('\n', '\n  ')}`),
    `to run only this: exploreInterleavings(scenario, { seeds: [${seed}]${executors === 2 ? '' : `, executors: ${executors}`} })`,
  ].join('\n');
}

/** Where the schedules of a scenario run, one after the other. */
class Field implements AsyncDisposable {
  readonly executors: number;
  readonly #definition: Definition;
  #database: OwnDatabase | undefined;
  #rewind: Rewind | undefined;

  constructor(definition: Definition, executors: number) {
    this.#definition = definition;
    this.executors = executors;
  }

  async run(list: readonly Decision[], order: number): Promise<ScheduleResult> {
    for (const mock of this.#definition.config.mocks ?? []) if (mock instanceof MethodMock) mock.rewind();
    const { connectionString } = await this.#cleanDatabase();
    await using schedule = await Schedule.open(this.#definition, connectionString, this.executors);
    return await schedule.run(list, order);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database?.drop();
  }

  async #cleanDatabase(): Promise<OwnDatabase> {
    if (this.#database !== undefined && (await this.#rewind?.rewind()) === true) return this.#database;
    const first = this.#database === undefined;
    await this.#database?.drop();
    this.#database = await databaseOf(this.#definition.config);
    const client = new pg.Client({ connectionString: this.#database.connectionString });
    client.on('error', () => {});
    await client.connect();
    try {
      await installWatch(client, this.#definition.config.schema ?? 'apiary');
    } finally {
      await client.end();
    }
    this.#rewind = first ? await Rewind.of(this.#database.connectionString) : undefined;
    return this.#database;
  }
}
