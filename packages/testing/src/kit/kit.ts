/** What is behind a test app: its executors one after the other, its mocks, and what its functions did. */
import { Apiary, signal, type Config, type Type, type WorkflowHandle } from '@apiary/core';
import {
  apiaryError,
  Clock,
  namesOf,
  relaunch,
  launchWith,
  runningOf,
  type Body,
  type Internals,
  type Probe,
  type RegisteredFunction,
  type Running,
} from '@apiary/core/internal';
import makeKnex, { type Knex } from 'knex';
import { asAdmin } from '../engine/database.js';
import { crashRunning } from '../engine/crash.js';
import { Activity } from './activity.js';
import { CrashPoints, isMethod } from './crash-points.js';
import type { OwnDatabase } from './databases.js';
import { installUndecorated } from './undecorated.js';
import { MethodMock, type Mocked } from './mock.js';
import { followTickets } from './tickets.js';

export interface KitOptions {
  readonly config: Config;
  readonly database: OwnDatabase;
  readonly mocks: readonly Mocked[];
  readonly refuseUnmocked: boolean;
  /** Told of every point after the kit itself. */
  readonly probe?: Probe;
  /** The app's time; several executors may share one. Default: a clock of its own. */
  readonly clock?: Clock;
  /** What ran in executors before this one. */
  readonly activity?: Activity;
  readonly slowTailMs?: number;
}

const settleMs = 10;
const kits = new WeakMap<object, Kit>();

/** Of a test app, or of a handle of its workflows. */
export function kitOf(value: unknown): Kit | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return kits.get(value) ?? (value as { kit?: Kit }).kit;
}

export class Kit {
  readonly activity: Activity;
  readonly points: CrashPoints;
  /** Assertions that nobody awaited yet. */
  readonly unawaited = new Set<{ readonly text: string }>();
  /** Executors launched so far. */
  generation = 1;
  app!: Apiary;
  readonly #options: KitOptions;
  readonly #mocks: MethodMock[] = [];
  /** Somebody took `app.knex`: what it writes is in no record. */
  usedKnex = false;
  readonly #restores: (() => void)[] = [];
  #dead: { readonly running: Running; readonly closed: Promise<void> } | undefined;
  #died = deferred();
  #recovered = deferred();
  #ownKnex: Knex | undefined;
  #ended: Promise<void> | undefined;

  constructor(options: KitOptions) {
    this.#options = options;
    this.activity = options.activity ?? new Activity();
    this.points = new CrashPoints(
      () => this.crash(),
      (name) => this.running?.executor.registry.functions.get(name)?.kind === 'workflow',
    );
    for (const mocked of options.mocks) this.#mocks.push(asMock(mocked));
  }

  async launch(): Promise<void> {
    this.app = await launchWith(this.#options.config, this.#internals(this.#options.clock ?? new Clock()));
    kits.set(this.app, this);
    this.#install();
  }

  get running(): Running {
    return runningOf(this.app);
  }

  /** The app's own pool, or one of the kit while the executor is dead. */
  get knex(): Knex {
    this.usedKnex = true;
    return this.#pool;
  }

  get #pool(): Knex {
    if (this.#dead === undefined) return Object.getOwnPropertyDescriptor(Apiary.prototype, 'knex')?.get?.call(this.app) as Knex;
    return (this.#ownKnex ??= makeKnex({ client: 'pg', connection: this.#options.database.connectionString, pool: { min: 0, max: 2 } }));
  }

  handle<R>(workflowId: string): WorkflowHandle<R> {
    return Apiary.prototype.handle.call(this.app, workflowId) as WorkflowHandle<R>;
  }

  // ---- mocks -----------------------------------------------------------------------------------------------------------------------

  mock(mocks: readonly Mocked[]): void {
    this.#mocks.push(...mocks.map(asMock));
    this.#install();
  }

  #mockOf(fn: RegisteredFunction): MethodMock | undefined {
    return this.#mocks.findLast((mock) => isMethod(fn, mock.service, mock.name));
  }

  /** Mocks of methods without a decorator stand on the app's instances. */
  #install(): void {
    const { registry } = this.running.executor;
    for (const mock of this.#mocks) {
      if ([...registry.functions.values()].some((fn) => isMethod(fn, mock.service, mock.name))) continue;
      this.#restores.push(installUndecorated(registry.resolve(mock.service), mock));
    }
  }

  readonly #body = (fn: RegisteredFunction): Body => {
    const mock = this.#mockOf(fn);
    if (mock === undefined && this.#options.refuseUnmocked && fn.kind === 'communicator') throw apiaryError('UNMOCKED', { method: fn.name });
    const { activity } = this;
    return function (this: unknown, ...args: readonly unknown[]) {
      return activity.execute(fn, args, (hangs) => {
        if (mock === undefined) return fn.metadata.body.apply(this, args as never[]);
        return mock.run(this, args, () => {
          hangs();
          return aborted();
        });
      });
    };
  };

  #internals(clock: Clock): Internals {
    const { probe: also, slowTailMs } = this.#options;
    const probe: Probe = (point, detail) => {
      this.activity.probe(point, detail);
      this.points.probe(point, detail);
      also?.(point, detail);
    };
    return {
      clock,
      probe,
      ...(slowTailMs === undefined ? {} : { slowTailMs }),
      stand: { body: this.#body, isDurableAtOnce: (fn) => this.points.isAfterRecord(fn) },
    };
  }

  // ---- crashes ---------------------------------------------------------------------------------------------------------------------

  get isDead(): boolean {
    return this.#dead !== undefined;
  }

  checkAlive(): void {
    if (this.#dead !== undefined) throw new Error('the executor of this app is dead: await app.recover() first');
  }

  crash(): void {
    this.checkAlive();
    const { running } = this;
    running.stopSignals();
    this.#dead = { running, closed: crashRunning(running) };
    this.activity.reset();
    this.#died.resolve();
  }

  async recover(): Promise<void> {
    if (this.#dead === undefined) {
      if (!this.points.isArmed) throw new Error('nothing to recover: call app.crash() or app.crashAt() first');
      await this.#died.promise;
    }
    const dead = this.#dead as { readonly running: Running; readonly closed: Promise<void> };
    await dead.closed;
    const { executor } = dead.running;
    const { executor: table } = namesOf(executor.schema);
    await asAdmin(this.#options.database.connectionString, `update ${table} set fenced = true where executor_id = '${executor.id}'`);
    this.#died = deferred();
    const clock = new Clock();
    clock.offsetMs = executor.clock.offsetMs;
    await relaunch(this.app, this.#options.config, this.#internals(clock));
    this.#dead = undefined;
    this.generation++;
    this.#install();
    await followTickets(executor, this.running.executor);
    this.#recovered.resolve();
    this.#recovered = deferred();
    await this.#claimed(executor.id);
  }

  async #claimed(executorId: string): Promise<void> {
    const { running } = this;
    const { executor: table } = namesOf(running.executor.schema);
    while (this.#dead === undefined) {
      await running.poll.now();
      const settled = await this.#pool
        .raw<{ rows: { settled: boolean }[] }>(`select settled from ${table.replaceAll('?', '\\?')} where executor_id = ?`, [executorId])
        .catch((error: unknown) => {
          if (this.#dead === undefined) throw error;
        });
      if (settled === undefined || settled.rows[0]?.settled !== false) return;
      await new Promise((resolve) => setTimeout(resolve, settleMs));
    }
  }

  /** Asks, and asks anew after each crash and recovery that comes before the answer. */
  async overCrashes<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#dead !== undefined) await this.#recovered.promise;
      const { generation } = this;
      const hasDied = this.#died.promise.then(() => undefined);
      try {
        const answer = await Promise.race([ask().then((value) => ({ value })), hasDied]);
        if (answer !== undefined) return answer.value;
      } catch (error) {
        if (this.#dead === undefined && this.generation === generation) throw error;
      }
    }
  }

  // ---- the end ---------------------------------------------------------------------------------------------------------------------

  /** Ends the executor, drops the database; then fails if an assertion was not awaited. */
  end(shutdown: () => Promise<void>): Promise<void> {
    return (this.#ended ??= this.#end(shutdown));
  }

  async #end(shutdown: () => Promise<void>): Promise<void> {
    try {
      if (this.#dead === undefined) await shutdown();
      else await this.#dead.closed;
    } finally {
      for (const restore of this.#restores.reverse()) restore();
      await this.#ownKnex?.destroy();
      await this.#options.database.drop();
    }
    const [forgotten] = this.unawaited;
    if (forgotten !== undefined) throw new Error(`an assertion was not awaited, so nothing was checked: await ${forgotten.text}`);
  }

  // ---- what ran --------------------------------------------------------------------------------------------------------------------

  /** Arguments of each run of a method: attempts of a communicator count, those of a transaction and replays do not. */
  runsOf(service: Type, method: string): readonly (readonly unknown[])[] {
    const seen = new Set<string>();
    return this.activity.executions
      .filter(({ fn, workflowId, stepId }) => {
        if (!isMethod(fn, service, method)) return false;
        const call = `${workflowId} ${stepId ?? ''}`;
        if (fn.kind !== 'communicator' && seen.has(call)) return false;
        seen.add(call);
        return true;
      })
      .map(({ args }) => args);
  }
}

function asMock(mocked: Mocked): MethodMock {
  if (mocked instanceof MethodMock) return mocked;
  throw apiaryError('CONFIG', {
    path: 'mocks',
    problem: 'is no mock with a behaviour: mock(Mailer).receipt.returns(...), or mock(Mailer).receipt(async () => ...)',
  });
}

function aborted(): Promise<never> {
  const abort = signal();
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(abort.reason as Error);
    if (abort.aborted) stop();
    else abort.addEventListener('abort', stop, { once: true });
  });
}

interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
}

function deferred(): Deferred {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
