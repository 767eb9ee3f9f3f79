/** Apps on throw-away databases, for tests of the engine itself. */
import type { Apiary, Config } from '@apiary/core';
import { launchWith, type Internals } from '@apiary/core/internal';
import { createDatabase, type TestDatabase } from './database.js';

export interface LaunchedApp extends AsyncDisposable {
  readonly app: Apiary;
  readonly database: TestDatabase;
  /** Another executor on the same database. */
  another(config?: Partial<Config>, internals?: Internals): Promise<Apiary>;
  close(): Promise<void>;
}

/** Quiet, with short lease and poll; `database` may be given to share one. */
export async function launchApp<const P extends readonly unknown[] = []>(config: Config<P>, internals: Internals = {}): Promise<LaunchedApp> {
  const database = await createDatabase();
  const apps: Apiary[] = [];
  const launch = async (more: Partial<Config>, inner: Internals): Promise<Apiary> => {
    const app = await launchWith(
      {
        database: database.connectionString,
        lease: '2 seconds',
        poll: '100 ms',
        log: { level: 'silent' },
        version: 'test',
        ...(config as Config),
        ...more,
      } as Config,
      inner,
    );
    apps.push(app);
    return app;
  };
  const close = async (): Promise<void> => {
    await Promise.all(apps.map((app) => app.shutdown({ grace: 0 }).catch(() => {})));
    await database.drop();
  };
  try {
    const app = await launch({}, internals);
    return { app, database, another: (more = {}, inner = {}) => launch(more, inner), close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
