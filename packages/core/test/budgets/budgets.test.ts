import { Communicator, Procedure, Service, Transaction, Workflow, sleep, sql, start } from '@apiary/core';
import { launchApp, Meter, crash, until, type LaunchedApp } from '@apiary/testing/internal';
import { expect } from 'chai';

@Service()
class Bank {
  @Transaction()
  async transfer(from: string, to: string): Promise<number> {
    await sql`update account set balance = balance - 1 where id = ${from}`;
    return (await sql<{ balance: number }>`update account set balance = balance + 1 where id = ${to} returning balance`.one()).balance;
  }
  @Transaction({ readOnly: true })
  async balance(id: string): Promise<number> {
    return (await sql<{ balance: number }>`select balance from account where id = ${id}`.one()).balance;
  }
  @Transaction({ readOnly: true, isolation: 'read committed' })
  async glance(id: string): Promise<number> {
    return (await sql<{ balance: number }>`select balance from account where id = ${id}`.one()).balance;
  }
  @Procedure()
  credit(id: string) {
    return sql.batch(
      sql`insert into entry(account) values (${id})`,
      sql<{ balance: number }>`update account set balance = balance + 1 where id = ${id} returning balance`.one(),
    );
  }
  @Communicator()
  async tell(text: string): Promise<string> {
    return text;
  }
}

@Service()
class Flows {
  constructor(private readonly bank: Bank) {}
  @Workflow()
  async one(): Promise<number> {
    return this.bank.transfer('a', 'b');
  }
  @Workflow()
  async writes(k: number): Promise<number> {
    let last = 0;
    for (let i = 0; i < k; i++) last = await this.bank.transfer('a', 'b');
    return last;
  }
  @Workflow()
  async writesThenTells(k: number): Promise<string> {
    for (let i = 0; i < k; i++) await this.bank.transfer('a', 'b');
    return this.bank.tell('done');
  }
  @Workflow()
  async readThenWrite(): Promise<number> {
    await this.bank.balance('a');
    return this.bank.transfer('a', 'b');
  }
  @Workflow()
  async glanceThenWrite(): Promise<number> {
    await this.bank.glance('a');
    return this.bank.transfer('a', 'b');
  }
  @Workflow()
  async glances(): Promise<number> {
    return this.bank.glance('a');
  }
  @Workflow()
  async tells(n: number): Promise<number> {
    for (let i = 0; i < n; i++) await this.bank.tell(String(i));
    return n;
  }
  @Workflow()
  async empty(): Promise<void> {}
  @Workflow()
  async naps(): Promise<void> {
    await sleep(1);
  }
  @Workflow()
  async starts(): Promise<void> {
    await start(Flows).empty();
  }
  @Workflow()
  async waits(): Promise<string> {
    for (let i = 0; i < 5; i++) await this.bank.transfer('a', 'b');
    return this.bank.tell(await gate.promise);
  }
}

let gate = withResolvers<string>();
function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((a, b) => {
    resolve = a;
    reject = b;
  });
  return { promise, resolve, reject };
}

describe('budgets (DESIGN 5), counted at the driver', () => {
  const meter = new Meter();
  let launched: LaunchedApp;
  let flows: Flows;
  let bank: Bank;

  before(async () => {
    launched = await launchApp(
      {
        services: [Flows],
        poll: '1 second',
        lease: '10 seconds',
        migrations: async (knex) => {
          if (await knex.schema.hasTable('account')) return;
          await knex.raw(
            `create table account(id text primary key, balance int); create table entry(account text); insert into account values ('a', 1000), ('b', 0)`,
          );
        },
      },
      { probe: meter.probe, slowTailMs: Infinity },
    );
    flows = launched.app.get(Flows);
    bank = launched.app.get(Bank);
    // A function whose tail was slow once is sent at once for a while; the first call of each pays for compilation.
    for (let i = 0; i < 3; i++) await Promise.all([flows.one(), bank.transfer('a', 'b'), bank.credit('a')]);
    await flows.readThenWrite();
    await flows.writesThenTells(1);
  });
  after(() => launched.close());
  beforeEach(() => meter.reset());

  const rows = async (id?: string) =>
    (
      await launched.app
        .knex('apiary.workflow_status')
        .where(id === undefined ? {} : { workflow_id: id })
        .count()
    )[0]?.['count'];

  it('budget: a direct call of one @Transaction is one round trip more than its statements, one commit, one engine row', async () => {
    const before = Number(await rows());
    await bank.transfer('a', 'b');
    expect(meter.of('user')).to.deep.equal({ writes: 2 + 1, statements: 2 + 3, commits: 1 });
    expect(meter.of('journal').writes).to.equal(0);
    expect(meter.of('system').writes).to.equal(0);
    expect(Number(await rows())).to.equal(before + 1);
  });

  it('budget: a direct call that only reads is told at the answer of COMMIT, below serializable at that of its statement; its row comes later', async () => {
    const before = Number(await rows());
    await bank.balance('a');
    expect(meter.of('user')).to.deep.equal({ writes: 1 + 1, statements: 1 + 2, commits: 0 });
    expect(meter.of('journal').writes).to.equal(0);
    meter.reset();
    await bank.glance('a');
    expect(meter.of('user')).to.deep.equal({ writes: 1, statements: 1 + 1, commits: 0 });
    await launched.app.list();
    expect(meter.of('journal')).to.include({ writes: 1, statements: 1 });
    expect(Number(await rows())).to.equal(before + 2);
  });

  it('budget: a @Procedure is one round trip in all, one commit, one engine row', async () => {
    const before = Number(await rows());
    await bank.credit('a');
    expect(meter.of('user')).to.deep.equal({ writes: 1, statements: 4, commits: 1 });
    expect(meter.of('journal').writes).to.equal(0);
    expect(Number(await rows())).to.equal(before + 1);
  });

  it('budget: a workflow of one transaction is one round trip more, one commit, its status row inserted complete', async () => {
    await flows.one();
    expect(meter.of('user')).to.deep.equal({ writes: 2 + 1, statements: 2 + 3, commits: 1 });
    expect(meter.of('journal').writes).to.equal(0);
    expect(
      meter
        .texts('user')
        .flat()
        .some((text) => /an outcome matched no row|^update "apiary"/.test(text.trim())),
    ).to.equal(false);
  });

  for (const k of [2, 5]) {
    it(`budget: a workflow of ${k} writing transactions is ${k} round trips more and ${k} commits, completion included`, async () => {
      await flows.writes(k);
      const { writes, commits } = meter.of('user');
      expect({ writes, commits }).to.deep.equal({ writes: 2 * k + k, commits: k });
      expect(meter.of('journal').writes).to.equal(0);
    });
  }

  it('budget: the same, ending in another step, adds its share of one batch', async () => {
    await flows.writesThenTells(2);
    const { writes, commits } = meter.of('user');
    expect({ writes, commits }).to.deep.equal({ writes: 2 * 2 + 2, commits: 2 });
    expect(meter.of('journal').writes).to.equal(1);
  });

  it('budget: a read-only transaction costs the answer of COMMIT and no durable commit', async () => {
    await flows.readThenWrite();
    expect(meter.of('user')).to.deep.equal({ writes: 2 + 3, statements: 3 + 5, commits: 1 });
    expect(meter.of('journal').writes).to.equal(0);
  });

  it('budget: below serializable its COMMIT costs nothing: it flies with the next transaction', async () => {
    await flows.glanceThenWrite();
    expect(meter.of('user')).to.deep.equal({ writes: 1 + 3, statements: 3 + 5, commits: 1 });
    expect(meter.texts('user').map((flight) => flight[0])).to.include('commit');
    expect(meter.of('journal').writes).to.equal(0);
  });

  it('budget: or by itself, at the end of the turn, where nothing follows: no transaction stays open', async () => {
    await flows.glances();
    await until('the second flight', async () => meter.of('user').writes === 2);
    expect(meter.texts('user')[1]).to.deep.equal(['commit']);
    const { rows: open } = await launched.app.knex.raw<{ rows: unknown[] }>(
      `select from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
    );
    expect(open).to.have.length(0);
  });

  it('budget: a communicator step is its share of one journal batch, the first also waits for the start row', async () => {
    await flows.tells(4);
    // start row; then each step carries the record of the one before; then the outcome with the last record
    expect(meter.of('journal').writes).to.equal(1 + 3 + 1);
    expect(meter.of('user').writes).to.equal(0);
  });

  it('budget: concurrent workflows share the batches of the journal', async () => {
    await Promise.all(Array.from({ length: 50 }, () => flows.tells(4)));
    expect(meter.of('journal').writes).to.be.lessThan(50);
  });

  it('budget: an empty workflow is its share of one batch', async () => {
    await flows.empty();
    expect(meter.of('journal').writes).to.equal(1);
    expect(meter.of('journal').statements).to.equal(1);
    expect(meter.of('user').writes).to.equal(0);
  });

  it('budget: an explicit id is its share of one lookup and no commit', async () => {
    await launched.app.start(Flows, { workflowId: 'explicit' }).one().result();
    expect(meter.of('system').writes).to.equal(1);
    expect(meter.of('journal').writes).to.equal(0);
    meter.reset();
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        launched.app
          .start(Flows, { workflowId: `explicit-${i}` })
          .one()
          .result(),
      ),
    );
    expect(meter.of('system').writes).to.equal(1);
  });

  it('budget: sleep and the start of a child are a share of one batch each', async () => {
    await flows.naps();
    expect(meter.of('journal').writes).to.equal(1 + 1);
    meter.reset();
    await flows.starts();
    expect(meter.of('journal').writes).to.be.within(2, 3); // the child's own outcome may go alone
  });

  it('budget: recovery is one claim and one read for a batch; the replay of a recorded step costs nothing', async () => {
    gate = withResolvers<string>();
    const meter2 = new Meter();
    const local = await launchApp({
      services: [Flows],
      migrations: async (knex) => {
        await knex.raw(
          `create table if not exists account(id text primary key, balance int); insert into account values ('a', 1000), ('b', 0) on conflict do nothing`,
        );
      },
    });
    try {
      const ids = Array.from({ length: 20 }, (_, i) => `w${i}`);
      await Promise.all(ids.map((workflowId) => local.app.start(Flows, { workflowId }).waits()));
      await until('all transactions are recorded', async () => Number((await local.app.knex('apiary.function_status').count())[0]?.['count']) === 100);
      await crash(local.app);
      const second = await local.another({}, { probe: meter2.probe });
      await until('all are claimed', async () => (await second.list({ executorId: (await executorIds(second)).at(-1) as string })).items.length === 20);
      const claims = (): number =>
        meter2
          .texts('system')
          .flat()
          .filter((text) => text.startsWith('with waiting')).length;
      await until('nothing was left to claim', () => claims() >= 3);
      const system = meter2.texts('system').flat();
      expect(system.filter((text) => text.startsWith('with waiting')).length, 'claims: one that found 20, one that found none, one for the lane').to.equal(3);
      expect(system.filter((text) => text.includes('f.step_id as "stepId"')).length, 'reads of records').to.equal(1);
      expect(meter2.of('user').writes, 'no transaction is run again').to.equal(0);
      gate.resolve('now');
      for (const id of ids) expect(await second.handle(id).result()).to.equal('now');
      expect(meter2.of('user').writes).to.equal(0);
    } finally {
      gate.resolve('now');
      await local.close();
    }
  });

  it('budget: an idle executor sends at most one statement a second', async () => {
    let ticks = 0;
    let others = 0;
    const local = await launchApp(
      { services: [Flows], poll: '1 second', lease: '10 seconds' },
      {
        probe: (point, detail) => {
          if (point !== 'flight:before') return;
          const texts = (detail as { statements: readonly { text: string }[] }).statements;
          if (texts.some((s) => s.text.includes('lease_counter = lease_counter + 1'))) ticks += texts.length;
          else others += texts.length;
        },
      },
    );
    try {
      // The first polls open the connections that stay.
      await until('two polls', () => ticks >= 2);
      others = 0;
      const before = ticks;
      await until('three polls', async () => ticks >= before + 3);
      expect(others).to.equal(0);
      expect(ticks).to.equal(before + 3);
    } finally {
      await local.close();
    }
  });
});

async function executorIds(app: { knex: import('knex').Knex }): Promise<string[]> {
  return (await app.knex('apiary.executor').orderBy('started_at')).map((row: { executor_id: string }) => row.executor_id);
}
