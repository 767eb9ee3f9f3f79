/** A database with the effects table, a witness, executors in this process and in children, and a connection that looks at all of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Apiary, Config } from '@apiary/core';
import { launchWith, runningOf, type Executor, type Internals } from '@apiary/core/internal';
import { Child, createDatabase, crash, until, Witness, type TestDatabase } from '@apiary/testing/internal';
import pg from 'pg';
import type { ChildTask, Settled, StartMessage } from './child.js';
import { Flows, WITNESS, effectTable } from './flows.js';
import { gates } from './gates.js';

export interface Effect {
  readonly workflow_id: string;
  readonly step: string;
  readonly pid: number;
}
export interface ExecutorRow {
  readonly executor_id: string;
  readonly lease_counter: number;
  readonly fenced: boolean;
  readonly settled: boolean;
}
export interface WorkflowRow {
  readonly workflow_id: string;
  readonly status: string;
  readonly executor_id: string | null;
  readonly epoch: number;
  readonly attempts: number;
  readonly recoveries: number;
  readonly output: string | null;
}

export class Setting implements AsyncDisposable {
  readonly database: TestDatabase;
  readonly witness: Witness;
  /** Looks, and moves rows; no part of the engine. */
  readonly client: pg.Client;
  readonly #folder: string;
  readonly #apps: Apiary[] = [];
  readonly #children: Child[] = [];
  readonly #clients: pg.Client[] = [];
  #asked: Promise<unknown> = Promise.resolve();

  private constructor(database: TestDatabase, witness: Witness, client: pg.Client, folder: string) {
    this.database = database;
    this.witness = witness;
    this.client = client;
    this.#folder = folder;
  }

  static async make(): Promise<Setting> {
    gates.reset();
    const database = await createDatabase();
    const folder = mkdtempSync(join(tmpdir(), 'recovery-'));
    const client = new pg.Client({ connectionString: database.connectionString });
    client.on('error', () => {});
    await client.connect();
    return new Setting(database, await Witness.start({ file: join(folder, 'witness') }), client, folder);
  }

  /** An executor in this process. */
  async launch(config: Partial<Config> = {}, internals: Internals = {}): Promise<Apiary> {
    const app = await launchWith(
      {
        services: [Flows],
        provide: [[WITNESS, this.witness.url]],
        database: this.database.connectionString,
        migrations: effectTable,
        lease: '600 ms',
        poll: '100 ms',
        log: { level: 'silent' },
        version: 'test',
        ...config,
      } as Config,
      internals,
    );
    this.#apps.push(app);
    return app;
  }

  /** An executor in a process of its own; at least one in this process made the tables. */
  async child(task: Partial<ChildTask> = {}): Promise<Child & { readonly executorId: string }> {
    const whole: ChildTask = {
      witness: this.witness.url,
      ...task,
      config: { database: this.database.connectionString, lease: '600 ms', poll: '100 ms', ...task.config },
    };
    const child = await Child.spawn(new URL('./child.js', import.meta.url), { args: [JSON.stringify(whole)] });
    this.#children.push(child);
    const { executorId } = (await child.ready.catch((error: unknown) => {
      throw new Error(`${String(error)}\n${child.stderr}`);
    })) as { executorId: string };
    return Object.assign(child, { executorId });
  }

  /** Another connection, for what has to be under way while the test looks. */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.database.connectionString });
    client.on('error', () => {});
    await client.connect();
    this.#clients.push(client);
    return client;
  }

  /** One after the other: a look that nobody waits for any more may still be under way. */
  query<R extends object>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    const answer = this.#asked.then(async () => (await this.client.query<R>(text, [...values])).rows);
    this.#asked = answer.catch(() => {});
    return answer;
  }

  effects(workflowId: string): Promise<Effect[]> {
    return this.query<Effect>('select workflow_id, step, pid from effect where workflow_id = $1 order by entry', [workflowId]);
  }

  async steps(workflowId: string): Promise<string[]> {
    return (await this.effects(workflowId)).map(({ step }) => step);
  }

  async workflow(workflowId: string): Promise<WorkflowRow | undefined> {
    return (await this.query<WorkflowRow>('select * from apiary.workflow_status where workflow_id = $1', [workflowId]))[0];
  }

  async records(workflowId: string): Promise<string[]> {
    const rows = await this.query<{ step_id: string; name: string }>(
      'select step_id, name from apiary.function_status where workflow_id = $1 order by step_id::int',
      [workflowId],
    );
    return rows.map((row) => `${row.step_id} ${row.name}`);
  }

  async executor(executorId: string): Promise<ExecutorRow> {
    const [row] = await this.query<ExecutorRow>('select executor_id, lease_counter::int, fenced, settled from apiary.executor where executor_id = $1', [
      executorId,
    ]);
    if (row === undefined) throw new Error(`there is no executor ${executorId}`);
    return row;
  }

  /** Resolves when a workflow has so many records. */
  async recorded(workflowId: string, count: number): Promise<void> {
    await until(`${workflowId} has ${count} records`, async () => (await this.records(workflowId)).length >= count);
  }

  async ended(workflowId: string): Promise<WorkflowRow> {
    return until(
      `${workflowId} has ended`,
      async () => {
        const row = await this.workflow(workflowId);
        return row !== undefined && row.status !== 'PENDING' && row;
      },
      { within: 60_000 },
    );
  }

  /** The lease of a dead executor has run out by the database's clock; the observer's own clock is another matter. */
  async expire(executorId: string): Promise<void> {
    await this.query(`update apiary.executor set lease_until = clock_timestamp() where executor_id = $1`, [executorId]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    gates.openAll();
    for (const child of this.#children) await child.kill();
    await Promise.all(this.#clients.map((client) => client.end().catch(() => {})));
    await Promise.all(this.#apps.filter((app) => !executorOf(app).stopping).map((app) => app.shutdown({ grace: 0 }).catch(() => {})));
    await this.client.end().catch(() => {});
    await this.witness.stop();
    await this.database.drop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export function executorOf(app: Apiary): Executor {
  return runningOf(app).executor;
}

/** Ends an executor of this process for good, as SIGKILL would. */
export async function die(app: Apiary): Promise<string> {
  const { id } = executorOf(app);
  await crash(app);
  return id;
}

/** Starts a workflow in a child. */
export function startIn(child: Child, method: keyof Flows & string, workflowId: string, ...args: readonly unknown[]): void {
  child.send({ method, workflowId, args } satisfies StartMessage);
}

/** What a caller in the child was told. */
export async function settledIn(child: Child, workflowId: string): Promise<Settled> {
  return (await child.point(`settled ${workflowId}`)).detail as Settled;
}
