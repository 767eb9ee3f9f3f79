/** Real apps on a throw-away database with a ledger that has no unique keys: an effect that happens twice shows. */
import type { Apiary, Config } from '@apiary/core';
import { sql, workflowId } from '@apiary/core';
import { launchWith, type Internals, type Probe, type ProbePoints } from '@apiary/core/internal';
import { createDatabase, TcpProxy, type TestDatabase } from '@apiary/testing/internal';
import { expect } from 'chai';
import pg from 'pg';

export interface EngineOptions {
  /** More tables and functions of the user's, in the same database. */
  readonly schema?: string;
  /** The first app reaches the database through a proxy. */
  readonly proxied?: boolean;
  readonly internals?: Internals;
  /** A database to use instead of one on the server of the tests; it is not dropped. */
  readonly connectionString?: string;
}

export interface LedgerRow {
  readonly workflow: string;
  readonly step: string;
}

/** `entry` tells the order; nothing tells doubles apart but their number. */
const ledger = `
  create table if not exists ledger (entry bigint generated always as identity, workflow_id text not null, step text not null, xid xid8 not null default pg_current_xact_id());
  create table if not exists spot (id text, n int not null);
  create sequence if not exists tries;
  -- Raises the state the first so many times that it is called; a sequence is not rolled back.
  create or replace function fail_first(times int, state text) returns void language plpgsql as $$
  begin
    if nextval('tries') <= times then raise exception using errcode = state, message = 'raised by the test: ' || state; end if;
  end $$;`;

/** One line of the ledger, in the transaction at hand. */
export async function note(step: string, id: string = workflowId()): Promise<void> {
  await sql`insert into ledger (workflow_id, step) values (${id}, ${step})`;
}

export class Engine implements AsyncDisposable {
  readonly app: Apiary;
  readonly database: TestDatabase;
  /** A connection beside the app's. */
  readonly admin: pg.Client;
  readonly #proxy: TcpProxy | undefined;
  readonly #config: Config;
  readonly #apps: Apiary[];

  private constructor(app: Apiary, database: TestDatabase, admin: pg.Client, proxy: TcpProxy | undefined, config: Config) {
    this.app = app;
    this.database = database;
    this.admin = admin;
    this.#proxy = proxy;
    this.#config = config;
    this.#apps = [app];
  }

  /** A lease that no test outlasts by accident, however slow the machine; tests of takeovers shorten it. */
  static async start<const P extends readonly unknown[] = []>(given: Config<P>, options: EngineOptions = {}): Promise<Engine> {
    const { connectionString } = options;
    const database = connectionString === undefined ? await createDatabase() : standing(connectionString);
    const admin = new pg.Client({ connectionString: database.connectionString });
    admin.on('error', () => {});
    await admin.connect();
    await admin.query(ledger + (options.schema ?? ''));
    const url = new URL(database.connectionString);
    const proxy = options.proxied === true ? await TcpProxy.start({ target: { host: url.hostname, port: Number(url.port) } }) : undefined;
    const config = {
      database: database.connectionString,
      lease: '30 seconds',
      poll: '100 ms',
      log: { level: 'silent' },
      version: 'test',
      ...(given as Config),
    } as Config;
    const first = proxy === undefined ? config : { ...config, database: proxy.connectionString(database.connectionString) };
    try {
      const app = await launchWith(first, { slowTailMs: Infinity, ...options.internals });
      return new Engine(app, database, admin, proxy, config);
    } catch (error) {
      await proxy?.stop();
      await admin.end();
      await database.drop();
      throw error;
    }
  }

  get proxy(): TcpProxy {
    if (this.#proxy === undefined) throw new Error('this engine was started without a proxy');
    return this.#proxy;
  }

  /** Another executor on the same database, not proxied. */
  async another(more: Partial<Config> = {}, internals: Internals = {}): Promise<Apiary> {
    const app = await launchWith({ ...this.#config, ...more } as Config, { slowTailMs: Infinity, ...internals });
    this.#apps.push(app);
    return app;
  }

  async ledger(id?: string): Promise<string[]> {
    const { rows } = await this.admin.query<LedgerRow>(
      'select workflow_id as workflow, step from ledger where $1::text is null or workflow_id = $1 order by entry',
      [id ?? null],
    );
    return rows.map((row) => row.step);
  }

  async row(
    id: string,
  ): Promise<{ status: string; executor_id: string | null; epoch: number; output: string | null; error: string | null; xid: string } | undefined> {
    return (await this.admin.query('select * from apiary.workflow_status where workflow_id = $1', [id])).rows[0];
  }

  async records(id: string): Promise<
    {
      step_id: string;
      name: string;
      kind: string;
      output: string | null;
      error: string | null;
      attempts: number;
      xid: string;
      executor_id: string;
      epoch: number;
    }[]
  > {
    return (await this.admin.query('select * from apiary.function_status where workflow_id = $1 order by length(step_id), step_id', [id])).rows;
  }

  /** The only workflow of this name. */
  async only(name: string): Promise<string> {
    const { rows } = await this.admin.query<{ workflow_id: string }>('select workflow_id from apiary.workflow_status where name = $1', [name]);
    expect(rows, `workflows of ${name}`).length(1);
    return rows[0]?.workflow_id ?? '';
  }

  /**
   * L1, for all that has happened so far: each line of the ledger was committed by a transaction that also wrote a record (or the row of a
   * direct call) of its workflow, and no line without its workflow's row.
   */
  async expectEffectsRecorded(): Promise<void> {
    const { rows } = await this.admin.query(`
      select l.workflow_id, l.step, s.workflow_id is not null as known from ledger l left join apiary.workflow_status s using (workflow_id)
      where s.workflow_id is null or not (
        exists (select 1 from apiary.function_status f where f.workflow_id = l.workflow_id and f.xid = l.xid)
        or (s.kind <> 'workflow' and s.status = 'SUCCESS' and (s.xid = l.xid or s.xmin::text = (l.xid::text::numeric % 4294967296)::text)))`);
    expect(rows, 'effects without a record').deep.equal([]);
  }

  /** Forgets the ledger and starts the counter of `fail_first` anew. */
  async clear(): Promise<void> {
    await this.admin.query(`truncate ledger, spot; alter sequence tries restart`);
  }

  async close(): Promise<void> {
    await this.#proxy?.heal();
    await Promise.all(this.#apps.map((app) => app.shutdown({ grace: 0 }).catch(() => {})));
    await this.#proxy?.stop();
    await this.admin.end().catch(() => {});
    await this.database.drop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function standing(connectionString: string): TestDatabase {
  const drop = async (): Promise<void> => {};
  return { connectionString, name: new URL(connectionString).pathname.slice(1), drop, [Symbol.asyncDispose]: drop };
}

/** What the probe of an app saw, in order. */
export class Trace {
  readonly points: { readonly point: keyof ProbePoints; readonly detail: ProbePoints[keyof ProbePoints] }[] = [];
  readonly probe: Probe = (point, detail) => {
    this.points.push({ point, detail });
  };

  of<P extends keyof ProbePoints>(point: P): ProbePoints[P][] {
    return this.points.filter((p) => p.point === point).map((p) => p.detail as ProbePoints[P]);
  }

  /** The epochs in which runs of a workflow began, in order. */
  epochsOf(id: string): number[] {
    return this.of('run:started')
      .filter(({ workflowId }) => workflowId === id)
      .map(({ epoch }) => epoch);
  }

  clear(): void {
    this.points.length = 0;
  }
}

export async function rejected(promise: Promise<unknown>): Promise<Error & { code?: string; details?: Record<string, unknown> }> {
  return promise.then(
    (value) => {
      throw new Error(`expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error as Error & { code?: string },
  );
}
