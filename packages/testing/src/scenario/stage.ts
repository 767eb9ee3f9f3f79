/** Runs of one scenario, one after the other: each on a database as the migrations left it, with mocks that were never called. */
import { readRaw, type RawState } from '../crashes/canonical-state.js';
import type { Activity } from '../kit/activity.js';
import type { OwnDatabase } from '../kit/databases.js';
import { MethodMock } from '../kit/mock.js';
import { Rewind } from '../kit/rewind.js';
import { databaseOf } from '../kit/test-app.js';
import type { Boundary } from './boundaries.js';
import { Life, type LifeEnd, type LifeTask } from './life.js';
import type { Definition } from './scenario.js';

/** Lives a life that is to end at a point in a process of its own. */
export type Victim = (task: LifeTask) => Promise<LifeEnd>;

export interface RunResult {
  /** Where executors died, in order; fewer than asked for if a point was not reached. */
  readonly crashes: readonly Boundary[];
  /** Points of each executor. */
  readonly traces: readonly (readonly Boundary[])[];
  readonly actMovedTime: boolean;
  /** Undefined if it did not come to its end. */
  readonly state: RawState | undefined;
  /** Why it was wrong without any comparison: `act` or `assert` threw, or something was stuck. */
  readonly failure?: { readonly words: string; readonly error: unknown };
}

interface Progress {
  task: LifeTask;
  life: Life | undefined;
  activity: Activity | undefined;
  readonly crashes: Boundary[];
  readonly traces: (readonly Boundary[])[];
  actMovedTime: boolean;
}

export class Stage implements AsyncDisposable {
  readonly #definition: Definition;
  readonly #victim: Victim | undefined;
  #database: OwnDatabase | undefined;
  #rewind: Rewind | undefined;
  /** Runs so far. */
  runs = 0;

  constructor(definition: Definition, victim?: Victim) {
    this.#definition = definition;
    this.#victim = victim;
  }

  /**
   * @param crashAt keys of the points at which the first, the second, ... executor dies
   * @param actMovesTime time stands while `act` goes on, but for what it does itself
   */
  async run(crashAt: readonly string[], actMovesTime: boolean): Promise<RunResult> {
    this.runs++;
    for (const mock of this.#definition.config.mocks ?? []) if (mock instanceof MethodMock) mock.rewind();
    const { connectionString: database } = await this.#cleanDatabase();
    const task: LifeTask = { database, recovers: false, answer: undefined, crashAt: undefined, offsetMs: 0, actMovesTime };
    const progress: Progress = { task, life: undefined, activity: undefined, crashes: [], traces: [], actMovedTime: false };
    try {
      await this.#live(progress, crashAt);
      const { crashes, traces, actMovedTime } = progress;
      if (crashes.length < crashAt.length) return { crashes, traces, actMovedTime, state: undefined };
      return { crashes, traces, actMovedTime, ...(await this.#judge(progress)) };
    } catch (error) {
      const { crashes, traces, actMovedTime } = progress;
      return { crashes, traces, actMovedTime, state: undefined, failure: { words: wordsOf(error), error } };
    } finally {
      await progress.life?.end().catch(() => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database?.drop();
  }

  /** One executor after the other, until one is left that lives. */
  async #live(progress: Progress, crashAt: readonly string[]): Promise<void> {
    for (let n = 0; ; n++) {
      progress.task = { ...progress.task, crashAt: crashAt[n] };
      const elsewhere = crashAt[n] === undefined ? undefined : this.#victim;
      if (n === 0 || elsewhere === undefined) progress.life = await this.#begin(progress, n, elsewhere !== undefined);
      const end = elsewhere === undefined ? await (progress.life as Life).live() : await elsewhere(progress.task);
      progress.traces.push(end.trace);
      progress.actMovedTime ||= end.actMovedTime;
      if (end.crashed === undefined) return;
      progress.crashes.push(end.crashed);
      progress.task = { ...progress.task, recovers: true, answer: end.answer, offsetMs: end.offsetMs };
      await progress.life?.end();
      progress.life = undefined;
    }
  }

  /** @param forArrange it only arranges, another process acts */
  async #begin(progress: Progress, n: number, forArrange: boolean): Promise<Life | undefined> {
    const { task, activity } = progress;
    const life = await Life.begin(this.#definition, task, activity === undefined ? {} : { activity });
    progress.life = life;
    progress.activity = life.activity;
    if (n === 0) await this.#definition.arrange(life.app);
    if (!forArrange) return life;
    progress.task = { ...task, recovers: true, offsetMs: life.offsetMs };
    await life.end();
    return undefined;
  }

  async #judge({ task, life }: Progress): Promise<Pick<RunResult, 'state' | 'failure'>> {
    const { app, answer } = life as Life;
    const state = await readRaw(task.database, this.#definition.config.schema ?? 'apiary', [`act returned ${answer}`]);
    try {
      await this.#definition.assert(app);
      return { state };
    } catch (error) {
      return { state, failure: { words: `assert threw ${wordsOf(error)}`, error } };
    }
  }

  async #cleanDatabase(): Promise<OwnDatabase> {
    if (this.#database !== undefined && (await this.#rewind?.rewind()) === true) return this.#database;
    const first = this.#database === undefined;
    await this.#database?.drop();
    this.#database = await databaseOf(this.#definition.config);
    // What cannot be rewound once cannot be the next time.
    this.#rewind = first ? await Rewind.of(this.#database.connectionString) : undefined;
    return this.#database;
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
