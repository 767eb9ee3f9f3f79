import type { Apiary, Config, MethodOf, StartOptions, StepInfo, Type, WorkflowHandle } from '@apiary/core';
import { apiaryError, context } from '@apiary/core/internal';
import type { Knex } from 'knex';
import { isMethod, type CrashPoint } from './crash-points.js';
import { createOwnDatabase, type OwnDatabase } from './databases.js';
import { FollowingHandle } from './following-handle.js';
import { followingStarter } from './following-start.js';
import { Kit, type KitOptions } from './kit.js';
import type { Mocked } from './mock.js';
import { reached } from './reached.js';
import { AppClock, type TestClock } from './test-clock.js';

export interface TestConfig<P extends readonly unknown[] = readonly unknown[]> extends Omit<Config<P>, 'database' | 'pool'> {
  mocks?: readonly Mocked[] | undefined;
  /** Communicators without a mock: 'refuse' throws UNMOCKED at the call. Default 'run'. */
  unmocked?: 'run' | 'refuse' | undefined;
}

export interface TestApp extends Apiary {
  readonly clock: TestClock;
  readonly connectionString: string;
  /** Adds or replaces mocks. */
  mock(...mocks: readonly Mocked[]): void;
  /** The executor dies at that point of the method's next (or `nth`) call, as by SIGKILL: nothing more of it reaches the database. */
  crashAt<C extends Type>(service: C, method: MethodOf<C>, point: CrashPoint, nth?: number): void;
  /** The executor dies now. */
  crash(): void;
  /**
   * A new executor recovers what a dead one left; resolves when it has claimed all of it. After `crashAt` it waits for the crash. Take
   * services anew by `get` afterwards.
   */
  recover(): Promise<void>;
  /** Resolves when the workflow's call of the method (its first or `nth`) is recorded, at once if it already is. */
  reached<C extends Type>(handle: WorkflowHandle, service: C, method: MethodOf<C>, nth?: number): Promise<StepInfo>;
}

/** Takeovers are quick, and a process that stood still for a moment has not lost its lease. */
const defaults = { lease: '5 seconds', poll: '100 ms', log: { level: 'error' } } as const;

/**
 * An app of its own on a database of its own, copied from a template that `migrations` filled once. `await using app = await createTestApp(...)`
 * cleans up, also when the test fails; so does the end of the process. Migrations of the same text are the same migrations.
 * @throws what `Apiary.launch` throws
 */
export async function createTestApp<const P extends readonly unknown[] = []>(config: TestConfig<P>): Promise<TestApp> {
  const database = await databaseOf(config as TestConfig);
  const kit = new Kit(kitOptions(config as TestConfig, database));
  try {
    await kit.launch();
  } catch (error) {
    if (kit.app !== undefined) await kit.app.shutdown({ grace: 0 }).catch(() => {});
    await database.drop();
    throw error;
  }
  return testAppOf(kit, database.connectionString);
}

/**
 * A database for the apps of a test's config, with its tables.
 * @throws CONFIG, or what `migrations` throws
 */
export async function databaseOf({ mocks: _mocks, unmocked = 'run', ...rest }: TestConfig): Promise<OwnDatabase> {
  if (unmocked !== 'run' && unmocked !== 'refuse') throw apiaryError('CONFIG', { path: 'unmocked', problem: `is neither 'run' nor 'refuse'` });
  for (const key of ['database', 'pool']) {
    if (key in rest) throw apiaryError('CONFIG', { path: key, problem: 'a test app has a database of its own: set DATABASE_URL to choose the server' });
  }
  return createOwnDatabase(rest as Config);
}

/** What a kit needs for the app of a test's config, on a database that has its tables. */
export function kitOptions({ mocks = [], unmocked = 'run', migrations: _made, ...rest }: TestConfig, database: OwnDatabase): KitOptions {
  const config = { ...defaults, ...rest, database: database.connectionString } as Config;
  return { config, database, mocks, refuseUnmocked: unmocked === 'refuse' };
}

/** The app of a kit that has been launched, with all that tests want of it. */
export function testAppOf(kit: Kit, connectionString: string): TestApp {
  const { app } = kit;
  const start = app.start.bind(app);
  const handle = app.handle.bind(app);
  const shutdown = app.shutdown.bind(app);
  const clock = new AppClock(() => [kit]);
  // In a function of the app these are recorded steps: they stay the engine's.
  const isInside = (): boolean => context.getStore() !== undefined;
  const end: Apiary['shutdown'] = (options) => kit.end(() => shutdown(options));
  Object.defineProperty(app, 'knex', { get: (): Knex => kit.knex });
  return Object.assign(app, {
    clock,
    connectionString,
    start: <C extends Type>(service: C, options?: StartOptions) => (isInside() ? start(service, options) : followingStarter(kit, start(service, options))),
    handle: <R>(workflowId: string) => (isInside() ? handle<R>(workflowId) : new FollowingHandle<R>(kit, handle<R>(workflowId))),
    mock: (...mocks: readonly Mocked[]) => kit.mock(mocks),
    crashAt: (service: Type, method: string, point: CrashPoint, nth = 1) => {
      const names = [...kit.running.executor.registry.functions.values()].filter((fn) => isMethod(fn, service, method)).map((fn) => fn.name);
      if (names.length === 0) throw apiaryError('NOT_A_FUNCTION', { method: `${service.name}.${method}` });
      kit.points.arm((name) => names.includes(name), point, nth);
    },
    crash: () => kit.crash(),
    recover: () => kit.recover(),
    reached: (of: WorkflowHandle, service: Type, method: string, nth = 1) => reached(kit, of, service, method, nth),
    shutdown: end,
    [Symbol.asyncDispose]: () => end({ grace: 0 }),
  }) as unknown as TestApp;
}
