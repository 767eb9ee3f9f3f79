import { Procedure, Service, Transaction, Workflow, db, sql, workflowId } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { expect } from 'chai';
import { resetCautions } from '../support/cautions.js';
import { Engine, Trace, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  @Transaction()
  async fails(times: number, state: string): Promise<string> {
    await gates.at('fails');
    await note('a');
    await sql`select fail_first(${times}, ${state})`;
    return 'done';
  }
  @Procedure()
  flies(times: number, state: string) {
    return sql.batch(sql`insert into ledger (workflow_id, step) values (${workflowId()}, 'a')`, sql`select fail_first(${times}, ${state})`.one());
  }
  /** The server says it when it commits. */
  @Transaction()
  async failsAtCommit(): Promise<string> {
    await gates.at('fails');
    await note('deferred');
    return 'done';
  }
  @Transaction()
  async caughtInSavepoint(state: string): Promise<string> {
    await gates.at('fails');
    await note('a');
    await db.transaction((inner) => inner.raw(`select fail_first(1, ?)`, [state])).catch(() => {});
    await note('b');
    return 'done';
  }
  @Transaction()
  async caughtAndAnotherThrown(state: string): Promise<string> {
    await gates.at('fails');
    await note('a');
    try {
      await sql`select fail_first(1, ${state})`;
    } catch {
      throw new RangeError('the user sees another problem');
    }
    return 'done';
  }
  @Transaction()
  async looksLikeInfrastructure(code: string): Promise<string> {
    await gates.at('fails');
    await note('a');
    throw Object.assign(new Error(code), { code, severity: 'ERROR' });
  }
  @Transaction()
  async timesOut(setting: string): Promise<string> {
    await gates.at('fails');
    await note('a');
    await sql`select set_config(${setting}, '20ms', true)`;
    if (setting === 'statement_timeout') await sql`select pg_sleep(30)`;
    else await sql`lock table locked in access exclusive mode`;
    return 'done';
  }
  @Transaction()
  async deadlocks(mine: string, others: string): Promise<string> {
    await sql`update spot set n = n + 1 where id = ${mine}`;
    await gates.at(`has ${mine}`);
    await sql`update spot set n = n + 1 where id = ${others}`;
    await note(`${mine}${others}`);
    return 'done';
  }
  @Transaction()
  async goesOffCall(mine: string): Promise<number> {
    const { on } = await sql<{ on: number }>`select sum(n)::int as on from spot`.one();
    await gates.at(`read ${mine}`);
    if (on > 1) await sql`update spot set n = 0 where id = ${mine}`;
    await note(mine);
    return on;
  }
  @Transaction()
  async short(label: string): Promise<string> {
    await note(label);
    await sql`select pg_sleep(0.01)`;
    return label;
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  /** `last`: the transaction is the workflow's last step, its flight carries the outcome. */
  @Workflow()
  async run(method: string, last: boolean, ...args: (string | number)[]): Promise<string> {
    const result = await call(this.steps, method, args);
    if (!last) await this.steps.short('after');
    return result;
  }
  @Workflow()
  async catches(method: string, ...args: (string | number)[]): Promise<string> {
    return call(this.steps, method, args).catch((error: Error & { code?: string }) => `caught ${error.code ?? error.name}`);
  }
}

function call(target: Steps, method: string, args: readonly (string | number)[]): Promise<string> {
  return (
    (target as unknown as Record<string, (...a: readonly (string | number)[]) => Promise<string>>)[method]?.(...args) ??
    Promise.reject(new Error(`no ${method}`))
  );
}

const schema = `
  create table locked (id int);
  -- Raises when the transaction commits, as often as told.
  create table at_commit (state text not null, times int not null);
  create function at_commit() returns trigger language plpgsql as $$
  declare c record;
  begin
    select * into c from at_commit;
    if found and nextval('tries') <= c.times then raise exception using errcode = c.state, message = 'raised at commit by the test'; end if;
    return null;
  end $$;
  create constraint trigger at_commit after insert on ledger deferrable initially deferred for each row when (new.step = 'deferred') execute function at_commit();`;

const retried = ['40001', '40P01', '57P03', '53300', '58030'] as const;

for (const isolation of ['serializable', 'repeatable read', 'read committed'] as const) {
  describe(`L2 at ${isolation}`, () => {
    let engine: Engine;
    const trace = new Trace();
    before(async () => {
      engine = await Engine.start({ services: [Flows], isolation }, { schema, internals: { probe: trace.probe } });
    });
    after(() => engine.close());
    beforeEach(async () => {
      await engine.clear();
      await engine.admin.query('truncate at_commit');
      gates.reset();
      trace.clear();
      resetCautions(engine.app);
    });
    afterEach(() => engine.expectEffectsRecorded());

    for (const state of retried) {
      it(`L2: ${state} is retried, and never the outcome of a step`, async () => {
        const { app } = engine;
        expect(await app.get(Steps).fails(2, state), 'direct').equal('done');
        expect([gates.visits('fails'), await engine.ledger()]).deep.equal([3, ['a']]);
        await engine.clear();
        expect(
          await app
            .start(Flows, { workflowId: `${isolation}-${state}` })
            .run('fails', false, 2, state)
            .result(),
          'in a workflow',
        ).equal('done');
        expect(await engine.ledger()).deep.equal(['a', 'after']);
        expect((await engine.records(`${isolation}-${state}`)).map((r) => [r.error, r.attempts])).deep.equal([
          [null, 3],
          [null, 1],
        ]);
      });
    }

    it('L2: a @Procedure is retried too', async () => {
      const { app } = engine;
      await app.get(Steps).flies(2, '40001');
      expect(await engine.ledger()).deep.equal(['a']);
      await engine.clear();
      await app.start(Flows, { workflowId: 'p-step' }).run('flies', false, 2, '40P01').result();
      expect(await engine.ledger()).deep.equal(['a', 'after']);
      expect((await engine.records('p-step')).map((r) => [r.error, r.attempts])).deep.equal([
        [null, 3],
        [null, 1],
      ]);
    });

    for (const state of ['40001', '40P01']) {
      for (const last of [true, false]) {
        it(`L2: ${state} at the commit, after the body went on, is no error of anybody${last ? '' : '; the body made another call'}`, async () => {
          await engine.admin.query('insert into at_commit values ($1, 2)', [state]);
          const id = `${isolation}-${state}-${last}`;
          expect(await engine.app.start(Flows, { workflowId: id }).run('failsAtCommit', last).result()).equal('done');
          expect(
            trace.of('run:void').map((v) => v.workflowId),
            'the body had gone on with a value that never came to be',
          ).deep.equal([id]);
          expect(await engine.ledger()).deep.equal(last ? ['deferred'] : ['deferred', 'after']);
          expect((await engine.records(id)).every((r) => r.error === null)).equal(true);
          expect(await engine.row(id)).include({ status: 'SUCCESS' });
        });
      }
      it(`L2: ${state} at the commit of a direct call is retried`, async () => {
        await engine.admin.query('insert into at_commit values ($1, 2)', [state]);
        expect(await engine.app.get(Steps).failsAtCommit()).equal('done');
        expect([gates.visits('fails'), await engine.ledger()]).deep.equal([3, ['deferred']]);
      });
      it(`L2: ${state} caught in a savepoint decides all the same: the transaction runs again`, async () => {
        expect(await engine.app.get(Steps).caughtInSavepoint(state)).equal('done');
        expect([gates.visits('fails'), await engine.ledger()]).deep.equal([2, ['a', 'b']]);
        await engine.clear();
        expect(await engine.app.get(Flows).run('caughtInSavepoint', true, state)).equal('done');
        expect(await engine.ledger()).deep.equal(['a', 'b']);
      });
      it(`L2: ${state} decides over the error that the code threw instead`, async () => {
        expect(await engine.app.get(Steps).caughtAndAnotherThrown(state)).equal('done');
        expect(await engine.app.get(Flows).run('caughtAndAnotherThrown', true, state)).equal('done');
        expect(await engine.ledger()).deep.equal(['a', 'a']);
      });
    }

    for (const code of ['ECONNRESET', '40001', '40P01', '57P01', '08006', '53300']) {
      it(`L2: an error of user code that calls itself ${code} is the user's: recorded, not retried`, async () => {
        expect(await rejected(engine.app.get(Steps).looksLikeInfrastructure(code))).include({ code });
        expect(gates.visits('fails')).equal(1);
        expect(await engine.app.get(Flows).catches('looksLikeInfrastructure', code)).equal(`caught ${code}`);
        expect([gates.visits('fails'), await engine.ledger()]).deep.equal([2, []]);
      });
    }

    it("L2: 57014 and 55P03 of the user's own settings are the user's: recorded, not retried", async () => {
      await engine.admin.query('begin; lock table locked in access exclusive mode');
      try {
        for (const [setting, code] of [
          ['statement_timeout', '57014'],
          ['lock_timeout', '55P03'],
        ] as const) {
          gates.reset();
          expect(await rejected(engine.app.get(Steps).timesOut(setting))).include({ code });
          expect(gates.visits('fails')).equal(1);
          expect(await engine.app.get(Flows).catches('timesOut', setting)).equal(`caught ${code}`);
          expect(gates.visits('fails')).equal(2);
        }
      } finally {
        await engine.admin.query('rollback');
      }
      expect(await engine.ledger()).deep.equal([]);
    });

    it('L2: the victim of a real deadlock is retried, and never the outcome', async () => {
      await engine.admin.query(`insert into spot values ('x', 0), ('y', 0)`);
      gates.close('has x', 'has y');
      const both = Promise.all([engine.app.get(Steps).deadlocks('x', 'y'), engine.app.get(Flows).run('deadlocks', true, 'y', 'x')]);
      await Promise.all([gates.reached('has x'), gates.reached('has y')]);
      gates.open('has x', 'has y');
      expect(await both).deep.equal(['done', 'done']);
      const states = trace.of('flight:answered').map((f) => (f.error as { code?: string } | undefined)?.code);
      expect(states, 'it happened').to.satisfy((s: unknown[]) => s.includes('40P01') || s.includes('40001'));
      expect((await engine.ledger()).sort()).deep.equal(['xy', 'yx']);
      expect((await engine.admin.query('select id, n from spot order by id')).rows).deep.equal([
        { id: 'x', n: 2 },
        { id: 'y', n: 2 },
      ]);
    });

    if (isolation === 'serializable') {
      it('L2: write skew is refused by the server and retried until it is right (BEHAVIOUR 71)', async () => {
        await engine.admin.query(`insert into spot values ('x', 1), ('y', 1)`);
        gates.close('read x', 'read y');
        const both = Promise.all([engine.app.get(Steps).goesOffCall('x'), engine.app.get(Steps).goesOffCall('y')]);
        await Promise.all([gates.reached('read x'), gates.reached('read y')]);
        gates.open('read x', 'read y');
        await both;
        const states = trace.of('flight:answered').map((f) => (f.error as { code?: string } | undefined)?.code);
        expect(states, 'it happened').include('40001');
        expect((await engine.admin.query('select sum(n)::int as on from spot')).rows).deep.equal([{ on: 1 }]);
        expect((await engine.ledger()).sort()).deep.equal(['x', 'y']);
      });
    }
  });
}

describe('L2: no connection to be had', () => {
  beforeEach(() => gates.reset());

  it('L2: more callers than connections wait their turn, as long as it takes', async () => {
    await using engine = await Engine.start({ services: [Flows], pool: { size: 1 } });
    const labels = Array.from({ length: 40 }, (_, i) => `t${i}`);
    expect(await Promise.all(labels.map((label) => engine.app.get(Steps).short(label)))).deep.equal(labels);
    expect((await engine.ledger()).length).equal(40);
  });

  it('L2: a server that has no room (53300) is infrastructure: the call waits until there is room', async () => {
    await using engine = await Engine.start({ services: [Flows] });
    const role = `limited_${engine.database.name}`;
    await engine.admin
      .query(`create role ${role} login password 'secret'; grant all on all tables in schema public to ${role}; grant all on all sequences in schema public to ${role};
      grant all on schema public to ${role}; grant create on database ${engine.database.name} to ${role}; grant usage on schema apiary to ${role};
      grant all on all tables in schema apiary to ${role}; grant all on all sequences in schema apiary to ${role}`);
    const url = new URL(engine.database.connectionString);
    url.username = role;
    url.password = 'secret';
    try {
      const trace = new Trace();
      const app = await engine.another({ database: url.href, pool: { size: 4, systemSize: 1 } }, { probe: trace.probe });
      const open = async (): Promise<number> => Number((await engine.admin.query('select from pg_stat_activity where usename = $1', [role])).rowCount);
      await engine.admin.query(`alter role ${role} connection limit ${await open()}`);
      const refusals = refusalsOf(app);
      const labels = Array.from({ length: 6 }, (_, i) => `t${i}`);
      const calls = Promise.all([...labels.map((label) => app.get(Steps).short(label)), app.get(Flows).run('short', true, 'w')]);
      await refusals.first;
      expect(await engine.ledger()).deep.equal([]);
      await engine.admin.query(`alter role ${role} connection limit -1`);
      expect(await calls).deep.equal([...labels, 'w']);
      expect((await engine.ledger()).sort()).deep.equal([...labels, 'w'].sort());
      await engine.expectEffectsRecorded();
      await app.shutdown({ grace: 0 });
    } finally {
      await engine.admin.query(`drop owned by ${role} cascade; drop role ${role}`);
    }
  });
});

/** Sees the server refuse a connection of user code, where the engine asks for one. */
function refusalsOf(app: Engine['app']): { readonly first: Promise<void> } {
  const { connections } = runningOf(app).executor.store;
  const acquire = connections.acquireUser.bind(connections);
  let seen!: () => void;
  const first = new Promise<void>((resolve) => (seen = resolve));
  connections.acquireUser = async (signal?: AbortSignal) => {
    try {
      return await acquire(signal);
    } catch (error) {
      if ((error as { code?: string }).code === '53300') seen();
      throw error;
    }
  };
  return { first };
}
