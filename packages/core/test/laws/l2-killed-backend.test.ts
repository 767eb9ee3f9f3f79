import { Procedure, Service, Transaction, Workflow, sql, workflowId } from '@apiary/core';
import { backendGone, killBackendAfterCommit, killBackendBeforeCommit, killBackendWhen, until, type BackendPhase } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  /** Waits in the middle of its transaction. */
  @Transaction()
  async waits(): Promise<string> {
    await note('a');
    await gates.at('in transaction');
    await sql`update spot set n = n + 1`;
    return 'done';
  }
  /** Long in one statement, the first time. */
  @Transaction()
  async computes(): Promise<string> {
    await note('a');
    await gates.at('computes');
    if (gates.visits('computes') === 1) await sql`select pg_sleep(60) as computes`;
    await sql`update spot set n = n + 1`;
    return 'done';
  }
  @Transaction()
  async locks(): Promise<string> {
    await note('a');
    await sql`update spot set n = n + 1 /* locks */`;
    return 'done';
  }
  /** Fails in the first attempt, and waits then. */
  @Transaction()
  async hasFailed(): Promise<string> {
    await note('a');
    await gates.at('has failed');
    if (gates.visits('has failed') === 1) {
      await sql`insert into spot values ('x', null)`.catch(() => {});
      await gates.at('in transaction');
    }
    await sql`update spot set n = n + 1`;
    return 'done';
  }
  @Transaction()
  async plain(): Promise<string> {
    await note('a');
    await sql`update spot set n = n + 1`;
    return 'done';
  }
  @Transaction()
  async slowCommit(): Promise<string> {
    await note('slow');
    await sql`update spot set n = n + 1`;
    return 'done';
  }
  @Procedure()
  flies() {
    return sql.batch(
      sql`insert into ledger (workflow_id, step) values (${workflowId()}, 'a')`,
      sql<{ n: number }>`update spot set n = n + 1 returning n`.one(),
    );
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async last(method: string): Promise<string> {
    return call(this.steps, method);
  }
  @Workflow()
  async between(method: string): Promise<string> {
    await this.steps.plain();
    const result = await call(this.steps, method);
    await this.steps.plain();
    return result;
  }
}

function call(target: Steps, method: string): Promise<string> {
  return (target as unknown as Record<string, () => Promise<string>>)[method]?.() ?? Promise.reject(new Error(`no ${method}`));
}

const schema = `
  create function slow_commit() returns trigger language plpgsql as $$
  begin
    if nextval('tries') = 1 then perform pg_sleep(60); end if;
    return null;
  end $$;
  create constraint trigger slow_commit after insert on ledger deferrable initially deferred for each row when (new.step = 'slow') execute function slow_commit();`;

const shapes = ['direct', 'last step', 'between two steps'] as const;

describe('L2 and L3: a backend killed in every phase of a transaction', () => {
  let engine: Engine;
  let since: Date;
  before(async () => {
    engine = await Engine.start({ services: [Flows], pool: { size: 2 } }, { schema, proxied: true });
  });
  after(() => engine.close());
  beforeEach(async () => {
    await engine.clear();
    since = (await engine.admin.query<{ now: Date }>(`insert into spot values ('s', 0) returning clock_timestamp() as now`)).rows[0]?.now ?? new Date();
    gates.reset();
  });
  afterEach(async () => {
    gates.reset();
    await engine.proxy.heal();
    await engine.expectEffectsRecorded();
  });

  const run = (shape: (typeof shapes)[number], method: string): Promise<string> => {
    const { app } = engine;
    if (shape === 'direct') return call(app.get(Steps), method);
    return shape === 'last step' ? app.get(Flows).last(method) : app.get(Flows).between(method);
  };

  /** Each effect is there once, and no error was recorded. */
  async function once(shape: (typeof shapes)[number], label = 'a'): Promise<void> {
    expect(await engine.ledger()).deep.equal(shape === 'between two steps' ? ['a', label, 'a'] : [label]);
    expect((await engine.admin.query('select n from spot')).rows).deep.equal([{ n: shape === 'between two steps' ? 3 : 1 }]);
    const { rows } = await engine.admin.query(
      `select name, status, (select count(*)::int from apiary.function_status f where f.workflow_id = s.workflow_id and f.error is not null) as errors
      from apiary.workflow_status s where created_at >= $1`,
      [since],
    );
    expect(
      rows.filter((row) => row.status !== 'SUCCESS' || row.errors > 0),
      'errors recorded',
    ).deep.equal([]);
    expect(rows.length).greaterThan(0);
  }

  /** The backend that holds the transaction of the method; `waitEvent` where it matters how far the statement has come. */
  const backend = (query: string, waitEvent = '%'): Promise<number> =>
    until('the transaction has a backend', async () => {
      const { rows } = await engine.admin.query<{ pid: number }>(
        `select pid from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle' and query like $1 and coalesce(wait_event, '') like $2`,
        [query, waitEvent],
      );
      return rows[0]?.pid;
    });

  for (const shape of shapes) {
    it(`L2: idle in the pool, then used (${shape})`, async () => {
      await call(engine.app.get(Steps), 'plain');
      const killed = await killAll(engine);
      expect(killed, 'connections killed').greaterThan(0);
      await engine.admin.query('truncate ledger; update spot set n = 0');
      expect(await run(shape, 'plain')).equal('done');
      await once(shape);
    });

    const phases: readonly [BackendPhase, string, string][] = [
      ['idle in transaction', 'waits', 'insert into ledger%'],
      ['in a statement', 'computes', '%pg_sleep%computes%'],
      ['idle in failed transaction', 'hasFailed', 'insert into spot%'],
    ];
    for (const [phase, method, query] of phases) {
      it(`L2: ${phase} (${shape})`, async () => {
        gates.close('in transaction');
        const running = run(shape, method);
        const killed = await killBackendWhen(engine.admin, await backend(query), phase, query);
        expect(killed.pid).greaterThan(0);
        gates.open('in transaction');
        expect(await running).equal('done');
        await once(shape);
      });
    }

    it(`L2: waiting for a lock (${shape})`, async () => {
      const other = await secondClient(engine);
      await engine.admin.query('begin; select * from spot for update');
      try {
        const running = run(shape, 'locks');
        // Between two steps the first one waits already.
        const pid = await until('it waits', async () => {
          const { rows } = await other.query<{ pid: number }>(
            `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like 'update spot%'`,
          );
          return rows[0]?.pid;
        });
        const killed = await killBackendWhen(other, pid, 'waiting for a lock');
        expect(killed.waitEvent).equal('transactionid');
        await engine.admin.query('rollback');
        expect(await running).equal('done');
        await once(shape);
      } finally {
        await engine.admin.query('rollback');
        await other.end();
      }
    });

    it(`L2: right before COMMIT reaches it (${shape})`, async () => {
      const killing = killBackendBeforeCommit(engine.admin, engine.proxy);
      expect(await run(shape, 'plain')).equal('done');
      const hit = await killing;
      expect([hit.killed, hit.statements.at(-1)]).deep.equal([true, 'commit']);
      await once(shape);
    });

    it(`L2: in the middle of its COMMIT (${shape})`, async () => {
      const running = run(shape, 'slowCommit');
      // Killed before it sleeps, it would not have counted its try, and the next attempt would sleep as long.
      const pid = await backend('commit', 'PgSleep');
      const killed = await killBackendWhen(engine.admin, pid, 'in a statement', 'commit');
      expect(killed.query).equal('commit');
      expect(await running).equal('done');
      await once(shape, 'slow');
    });

    it(`L3: after its COMMIT, before anybody was told (${shape})`, async () => {
      const killing = killBackendAfterCommit(engine.admin, engine.proxy);
      expect(await run(shape, 'plain')).equal('done');
      expect((await killing).answer.at(-1)).equal('COMMIT');
      await once(shape);
    });
  }

  it('L2: a @Procedure whose backend is killed before its only flight arrives, and after it committed', async () => {
    const before = killBackendBeforeCommit(engine.admin, engine.proxy);
    expect(await engine.app.get(Steps).flies()).deep.equal({ n: 1 });
    expect((await before).killed).equal(true);
    const after = killBackendAfterCommit(engine.admin, engine.proxy);
    expect(await engine.app.get(Steps).flies()).deep.equal({ n: 2 });
    expect((await after).answer.at(-1)).equal('COMMIT');
    expect(await engine.ledger()).deep.equal(['a', 'a']);
  });

  it('L2: the server restarts all its backends: who is in a transaction runs it again', async function () {
    gates.close('in transaction');
    const running = [run('direct', 'waits'), run('last step', 'waits')];
    await gates.reached('in transaction', 2);
    expect(await killAll(engine)).greaterThan(1);
    gates.open('in transaction');
    expect(await Promise.all(running)).deep.equal(['done', 'done']);
    expect(await engine.ledger()).deep.equal(['a', 'a']);
  });
});

/** All backends of the app, of user code and of the engine. */
async function killAll(engine: Engine): Promise<number> {
  const { rows } = await engine.admin.query<{ pid: number }>(
    `select pid, pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
  );
  for (const { pid } of rows) await backendGone(engine.admin, pid);
  return rows.length;
}

async function secondClient(engine: Engine): Promise<Engine['admin']> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: engine.database.connectionString });
  client.on('error', () => {});
  await client.connect();
  return client;
}
