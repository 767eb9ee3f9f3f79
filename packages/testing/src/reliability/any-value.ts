/** E15: any value at all, as input, as output and as error of a workflow: it comes back equal, or is refused before it had an effect. */
import { Apiary, Communicator, isApiaryError, Procedure, Service, sql, Transaction, Workflow } from '@apiary/core';
import fc from 'fast-check';
import { inspect, isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { createDatabase } from '../engine/database.js';
import { violated, type Violation } from '../faults/ledger/violation.js';
import { loadValues } from '../values/index.js';
import type { OwnExperiment, OwnRun } from './experiment.js';

const arbitraryOnes = 500;
const together = 20;
const withinMs = 30_000;
const shown = 300;

/** What is given, and what has to come back. */
interface Case {
  readonly given: unknown;
  readonly expected: unknown;
}
let cases: readonly Case[] = [];
/** By number: what a body got as its input. */
const received = new Map<number, unknown>();

@Service()
class Steps {
  @Transaction()
  async keep(number: number, value: unknown): Promise<unknown> {
    await sql`insert into effect (number) values (${`input ${number}`})`;
    return value;
  }
  @Transaction()
  async make(number: number): Promise<unknown> {
    await sql`insert into effect (number) values (${`output ${number}`})`;
    return cases[number]?.given;
  }
  @Transaction()
  async refuse(number: number): Promise<void> {
    throw cases[number]?.given;
  }
  @Procedure()
  build(number: number): never {
    throw cases[number]?.given;
  }
  @Communicator({ retry: { maxAttempts: 2, initialInterval: 1 } })
  async call(number: number): Promise<void> {
    throw cases[number]?.given;
  }
}

@Service()
class Values {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async input(number: number, value: unknown): Promise<unknown> {
    received.set(number, value);
    return this.steps.keep(number, value);
  }
  @Workflow()
  async output(number: number): Promise<unknown> {
    return this.steps.make(number);
  }
  @Workflow()
  async error(number: number, place: string): Promise<void> {
    if (place === 'transaction') await this.steps.refuse(number);
    else if (place === 'procedure') await this.steps.build(number);
    else if (place === 'communicator') await this.steps.call(number).catch((error: unknown) => Promise.reject(causeOf(error)));
    else throw cases[number]?.given;
  }
}

const places = ['body', 'transaction', 'procedure', 'communicator'] as const;
type Way = 'input' | 'output' | `error of ${(typeof places)[number]}`;
type Outcome = { readonly value: unknown } | { readonly thrown: unknown };

/** Two apps on one database: the one that ran a workflow, and one that knows of it what is stored. */
class Apps implements AsyncDisposable {
  readonly hits = new Map<string, number>();
  readonly problems: object[] = [];
  readonly #unrecordable = new Set<number>();
  readonly #runs: Apiary;
  readonly #reads: Apiary;
  readonly #client: pg.Pool;

  private constructor(runs: Apiary, reads: Apiary, client: pg.Pool) {
    this.#runs = runs;
    this.#reads = reads;
    this.#client = client;
  }

  static async on(connectionString: string): Promise<Apps> {
    const client = new pg.Pool({ connectionString, max: 4 });
    client.on('error', () => {});
    await client.query('create table effect (number text not null)');
    const launch = (): Promise<Apiary> =>
      Apiary.launch({ services: [Values], database: connectionString, version: 'values', lease: '1 minute', log: { level: 'silent' } });
    return new Apps(await launch(), await launch(), client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#runs.shutdown({ grace: 0 }), this.#reads.shutdown({ grace: 0 })]);
    await this.#client.end();
  }

  async try(number: number): Promise<void> {
    await this.#input(number);
    // What is a promise, or looks like one, is awaited by JavaScript itself before anybody is given it.
    if (!isThenable(cases[number]?.given)) await this.#output(number);
    for (const place of places) await this.#error(number, place);
  }

  async #input(number: number): Promise<void> {
    const way = this.#way(number, 'input');
    const outcome = await way.outcome(() => this.#runs.start(Values, { workflowId: way.id }).input(number, cases[number]?.given));
    const effects = await this.#effects(way.id);
    if ('thrown' in outcome) {
      const rows = await this.#client.query('select from apiary.workflow_status where workflow_id = $1', [way.id]);
      this.#unrecordable.add(number);
      way.refused(isApiaryError(outcome.thrown, 'NOT_RECORDABLE') && rows.rowCount === 0 && effects === 0, outcome);
      return;
    }
    const [got, stored] = [received.get(number), await way.outcome(() => this.#reads.handle(way.id))];
    way.cameBack(effects === 1 && way.equal(got) && way.equal(outcome.value) && 'value' in stored && way.equal(stored.value), {
      got,
      outcome,
      stored,
      effects,
    });
  }

  async #output(number: number): Promise<void> {
    const way = this.#way(number, 'output');
    const outcome = await way.outcome(() => this.#runs.start(Values, { workflowId: way.id }).output(number));
    const stored = await way.outcome(() => this.#reads.handle(way.id));
    const effects = await this.#effects(way.id);
    if ('thrown' in outcome) return way.refused('thrown' in stored && effects === 0, { outcome, stored, effects });
    way.cameBack(effects === 1 && way.equal(outcome.value) && 'value' in stored && way.equal(stored.value), { outcome, stored, effects });
  }

  /** Whatever is thrown, the caller is told, now and later, the same: what was thrown, or the text of what cannot be recorded. */
  async #error(number: number, place: (typeof places)[number]): Promise<void> {
    const way = this.#way(number, `error of ${place}`);
    const outcome = await way.outcome(() => this.#runs.start(Values, { workflowId: way.id }).error(number, place));
    const stored = await way.outcome(() => this.#reads.handle(way.id));
    if (!('thrown' in outcome && 'thrown' in stored)) return way.cameBack(false, { outcome, stored });
    const { thrown } = outcome;
    const same = isDeepStrictEqual(thrown, stored.thrown);
    if (way.equal(thrown)) return way.cameBack(same, { outcome, stored });
    way.refused(same && typeof thrown === 'string' && this.#unrecordable.has(number), { outcome, stored });
  }

  async #effects(id: string): Promise<number> {
    return (await this.#client.query('select from effect where number = $1', [id])).rowCount ?? 0;
  }

  #way(number: number, way: Way) {
    const hit = (what: string): Map<string, number> => this.hits.set(what, (this.hits.get(what) ?? 0) + 1);
    const { given, expected } = cases[number] as Case;
    const told = (good: boolean, what: string, found: object): void => {
      if (good) hit(what);
      else this.problems.push({ way, given: show(given), found: show(found) });
    };
    return {
      id: `${way} ${number}`,
      equal: (value: unknown): boolean => isDeepStrictEqual(value, expected),
      cameBack: (good: boolean, found: object): void => told(good, 'came back', found),
      refused: (good: boolean, found: object): void => told(good, way.startsWith('error') ? 'kept as text' : 'refused', found),
      outcome: outcomeOf,
    };
  }
}

/** What a communicator threw at last, out of the error that tells of its attempts. */
function causeOf(error: unknown): unknown {
  return isApiaryError(error, 'RETRIES_EXHAUSTED') ? error.cause : error;
}

async function outcomeOf(
  begin: () => Promise<{ result(wait: { timeout: number }): Promise<unknown> }> | { result(wait: { timeout: number }): Promise<unknown> },
): Promise<Outcome> {
  try {
    const handle = await begin();
    return { value: await handle.result({ timeout: withinMs }) };
  } catch (thrown) {
    return { thrown };
  }
}

function isThenable(value: unknown): boolean {
  try {
    return (typeof value === 'object' || typeof value === 'function') && value !== null && typeof (value as { then?: unknown }).then === 'function';
  } catch {
    return false;
  }
}

function show(value: unknown): string {
  try {
    return inspect(value, { depth: 4, maxStringLength: 80, maxArrayLength: 10 }).slice(0, shown);
  } catch (error) {
    return `cannot be shown: ${String(error)}`;
  }
}

async function run(seed: number): Promise<OwnRun> {
  const { plain, rich, numbers, refused, translated, anything, graph } = await loadValues();
  const same = (given: unknown): Case => ({ given, expected: given });
  cases = [
    ...[undefined, ...plain, ...rich, ...numbers, ...refused.map(([value]) => value)].map(same),
    ...translated.map(([given, expected]): Case => ({ given, expected })),
    ...fc.sample(fc.oneof({ weight: 4, arbitrary: anything }, graph), { seed, numRuns: arbitraryOnes }).map(same),
  ];
  received.clear();
  await using database = await createDatabase();
  await using apps = await Apps.on(database.connectionString);
  const queue = [...cases.keys()];
  const worker = async (): Promise<void> => {
    for (let number = queue.shift(); number !== undefined; number = queue.shift()) await apps.try(number);
  };
  await Promise.all(Array.from({ length: together }, worker));
  const violations: Violation[] = violated('E15', 'a value came back as another one, or was refused after it had an effect', apps.problems);
  return { workflows: (2 + places.length) * cases.length, hits: apps.hits.set('values', cases.length), violations };
}

export const anyValue: OwnExperiment = {
  name: 'E15',
  fault: `${arbitraryOnes} arbitrary values and the corpus as input, output and error`,
  runs: 200,
  run,
  mustHit: ['came back', 'refused', 'kept as text'],
};
