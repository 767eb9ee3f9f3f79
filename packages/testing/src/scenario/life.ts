/** One life of an executor: it takes over what dead ones left, does its part of the scenario, and ends at a point or when all is done. */
import { inspect } from 'node:util';
import { Clock, namesOf } from '@apiary/core/internal';
import type { Config } from '@apiary/core';
import pg from 'pg';
import { countUnfinished } from '../crashes/unfinished.js';
import { until } from '../faults/until.js';
import type { Activity } from '../kit/activity.js';
import { Kit } from '../kit/kit.js';
import { kitOptions, testAppOf, type TestApp } from '../kit/test-app.js';
import { Boundaries, type Boundary } from './boundaries.js';
import type { Definition } from './scenario.js';

export interface LifeTask {
  readonly database: string;
  /** Those before it are dead. */
  readonly recovers: boolean;
  /** What the client got before; undefined: it has to act (again). */
  readonly answer: string | undefined;
  /** Key of the point at which it dies. */
  readonly crashAt: string | undefined;
  readonly offsetMs: number;
  /** `act` moves the clock by itself. */
  readonly actMovesTime: boolean;
}

export interface LifeEnd {
  /** Undefined: it lived until all was done. */
  readonly crashed: Boundary | undefined;
  readonly answer: string | undefined;
  readonly trace: readonly Boundary[];
  readonly offsetMs: number;
  readonly actMovedTime: boolean;
}

/** What comes by itself after a time, or as a hint beside the work, would come earlier in one run and later in another. */
const steady = { lease: '1 minute', poll: '20 seconds', linger: '10 seconds', notify: false } as const;
const defaults = { version: 'scenario', log: { level: 'silent' } } as const;
const patienceMs = 30_000;
const mostActs = 3;
const lookMs = 2;
/** Rounds without anything to do after which what comes by poll only is looked for. */
const idleRounds = 10;

export class Life {
  readonly app: TestApp;
  readonly #kit: Kit;
  readonly #definition: Definition;
  readonly #task: LifeTask;
  readonly #boundaries: Boundaries;
  readonly #clock: TestApp['clock'];
  #actMovedTime: boolean;
  #acting = false;
  #ended = false;
  #answer: string | undefined;

  private constructor(definition: Definition, task: LifeTask, kit: Kit, boundaries: Boundaries) {
    this.#definition = definition;
    this.#task = task;
    this.#kit = kit;
    this.#boundaries = boundaries;
    this.#answer = task.answer;
    this.#actMovedTime = task.actMovesTime;
    this.app = testAppOf(kit, task.database);
    this.#clock = this.app.clock;
    const note = (): void => void (this.#actMovedTime ||= this.#acting);
    Object.assign(this.app, {
      clock: {
        now: () => this.#clock.now(),
        advance: (by: never) => (note(), this.#clock.advance(by)),
        runToIdle: (max: never) => (note(), this.#clock.runToIdle(max)),
      },
    });
  }

  /**
   * @param die ends the executor at its point, synchronously; default: in this process
   * @param activity what ran before
   */
  static async begin(definition: Definition, task: LifeTask, options: { die?: (at: Boundary, life: Life) => void; activity?: Activity } = {}): Promise<Life> {
    const clock = new Clock();
    clock.offsetMs = task.offsetMs;
    let life: Life | undefined;
    const boundaries = new Boundaries((at) => {
      // What `act` hears of the crash is heard by nobody.
      if (life !== undefined) life.#ended = true;
      if (options.die === undefined) kit.crash();
      else options.die(at, life as Life);
    });
    const { config, ...others } = kitOptions(definition.config, { connectionString: task.database, drop: async () => {} });
    const kit: Kit = new Kit({
      ...others,
      config: { ...config, ...defaults, ...versionOf(definition), ...steady } as Config,
      clock,
      probe: boundaries.probe,
      slowTailMs: Number.POSITIVE_INFINITY,
      ...(options.activity === undefined ? {} : { activity: options.activity }),
    });
    await kit.launch();
    return (life = new Life(definition, task, kit, boundaries));
  }

  get activity(): Activity {
    return this.#kit.activity;
  }

  get answer(): string | undefined {
    return this.#answer;
  }

  get offsetMs(): number {
    return this.#kit.running.executor.clock.offsetMs;
  }

  /** Does the scenario's part. Rejects if `act` fails for good, or something is stuck. */
  async live(): Promise<LifeEnd> {
    this.#boundaries.start(this.#task.crashAt);
    const work = this.#work();
    work.catch(() => {});
    let crashed: Boundary | undefined;
    try {
      await Promise.race([work, this.#boundaries.crashed.then((at) => (crashed = at))]);
    } finally {
      this.#ended = true;
      this.#boundaries.stop();
    }
    const { trace } = this.#boundaries;
    return { crashed, answer: this.#answer, trace: [...trace], offsetMs: this.offsetMs, actMovedTime: this.#actMovedTime };
  }

  /** Ends what has not died. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.app[Symbol.asyncDispose]();
  }

  async #work(): Promise<void> {
    if (this.#task.recovers) await this.#fenceTheDead();
    this.#acting = this.#answer === undefined;
    const moving = this.#moveTime();
    moving.catch(() => {});
    if (this.#acting) await Promise.race([this.#act(), moving]);
    await this.#finish();
  }

  async #act(): Promise<void> {
    for (let n = 1; this.#answer === undefined && !this.#ended; n++) {
      try {
        const value = await this.#definition.act(this.app);
        if (this.#ended) return;
        this.#answer = told(value);
      } catch (error) {
        if (this.#ended) return;
        if (n === mostActs) throw new ActFailed(error);
      }
    }
    this.#acting = false;
  }

  /** Time stands still while anything is under way; it rejects when something hangs, else it never settles. */
  async #moveTime(): Promise<never> {
    for (let idle = 0, last = this.#kit.activity.version; !this.#ended; idle++) {
      if (!this.#acting || !this.#actMovedTime) await this.#clock.runToIdle().catch(() => {});
      else await pause();
      if (this.#ended) break;
      if (idle >= idleRounds && !this.#actMovedTime) await this.#kit.running.poll.now();
      await pause();
      if (this.#kit.activity.version - last > ownEvents) idle = 0;
      last = this.#kit.activity.version;
    }
    return new Promise<never>(() => {});
  }

  /** Until no workflow is left, and nothing of the dead. */
  async #finish(): Promise<void> {
    const { schema } = this.#definition.config;
    await until(
      'no workflow is left unfinished',
      async () => {
        if (this.#ended) return true;
        if ((await countUnfinished(schema, this.#task.database)) > 0) return false;
        const { executor } = this.#kit.running;
        return executor.active === 0 && executor.lifecycle.running.size === 0;
      },
      { within: patienceMs },
    );
  }

  /** Once their backends are gone: a takeover that has to end them takes another way each time. */
  async #fenceTheDead(): Promise<void> {
    const { running } = this.#kit;
    const { executor: table } = namesOf(running.executor.schema);
    const client = new pg.Client({ connectionString: this.#task.database });
    client.on('error', () => {});
    await client.connect();
    try {
      const free = `select coalesce(bool_and(pg_try_advisory_xact_lock(lock_key)), true) as free from ${table} where executor_id <> $1 and not settled`;
      await until('the backends of the dead are gone', async () => {
        const { rows } = await client.query<{ free: boolean }>(free, [running.executor.id]);
        return rows[0]?.free;
      });
      await client.query(`update ${table} set fenced = true where executor_id <> $1 and not settled`, [running.executor.id]);
    } finally {
      await client.end();
    }
    await running.poll.now();
  }
}

/** Of a poll and of the clock's questions. */
const ownEvents = 12;

/** `act` threw, again and again, in an executor that nothing happened to. */
export class ActFailed extends Error {
  constructor(cause: unknown) {
    super(`act threw ${cause instanceof Error ? `${cause.name}: ${cause.message}` : inspect(cause)}`, { cause });
  }
}

function versionOf({ config }: Definition): { version?: string } {
  return config.version === undefined ? {} : { version: config.version };
}

/** What `act` returned, in words that two runs share. */
function told(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'workflowId' in value) return `a handle of ${String(value.workflowId)}`;
  return inspect(value, { depth: 8, breakLength: Number.POSITIVE_INFINITY, sorted: true });
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, lookMs));
}
