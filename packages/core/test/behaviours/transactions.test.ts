import { Service, Transaction, Workflow, db, sql } from '@apiary/core';
import { runningOf, type FlightPoint } from '@apiary/core/internal';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
let tracing = true;
let ran = 0;

class Broke extends Error {
  readonly code = 'BROKE';
  constructor(readonly amount: number) {
    super(`broke by ${amount}`);
    this.name = 'Broke';
  }
}

@Service()
class Accounts {
  @Transaction()
  async insert(id: string): Promise<number> {
    ran++;
    await sql`insert into account (id, balance) values (${id}, 1)`;
    return (await sql<{ n: number }>`select count(*)::int as n from account`.one()).n;
  }
  @Transaction({ readOnly: true })
  async balances(): Promise<number> {
    ran++;
    return (await sql<{ n: number }>`select coalesce(sum(balance), 0)::int as n from account`.one()).n;
  }
  @Transaction()
  async fails(): Promise<void> {
    ran++;
    await note('before the throw');
    throw new Broke(7);
  }
  @Transaction()
  async writesWhenReadOnly(): Promise<void> {
    await sql`insert into account (id, balance) values ('x', 1)`;
  }
  @Transaction({ readOnly: true })
  async writesAnyway(): Promise<void> {
    await sql`insert into account (id, balance) values ('x', 1)`;
  }
  @Transaction()
  async backend(): Promise<number> {
    if (!tracing) return -1;
    return (await sql<{ pid: number }>`select pg_backend_pid() as pid`.one()).pid;
  }
  /** Counts and texts as the driver gives them. */
  @Transaction()
  async shapes(): Promise<unknown[]> {
    const inserted = await sql`insert into "Mixed" ("Key", value) values ('A--B', 'it''s "Quoted" /* no comment */'), ('C;D', ${'$1'})`.count();
    const updated = await db('Mixed').where('Key', 'A--B').update({ value: "O'Reilly; DROP" });
    const rows = await sql<{ Key: string; value: string }>`select "Key", value, 'SELECT ; -- x' as "Text" from "Mixed" order by "Key"`;
    const raw = await db.raw<{ rowCount: number }>('delete from "Mixed"');
    return [inserted, updated, rows, raw.rowCount];
  }
  /** Withdraws from one of two accounts as long as both together stay positive: each reads both, writes one. */
  @Transaction()
  async withdraw(id: string): Promise<boolean> {
    const { total } = await sql<{ total: number }>`select sum(balance)::int as total from account where id in ('a', 'b')`.one();
    await gates.at(`read ${id}`);
    if (total < 100) return false;
    await sql`update account set balance = balance - 100 where id = ${id}`;
    return true;
  }
  @Transaction({ isolation: 'read committed' })
  async lockBoth(first: string, second: string): Promise<void> {
    await sql`update account set balance = balance + 1 where id = ${first}`;
    await gates.at(`locked ${first}`);
    await sql`update account set balance = balance + 1 where id = ${second}`;
  }
}

@Service()
class Flows {
  constructor(private readonly accounts: Accounts) {}
  @Workflow()
  async insert(id: string): Promise<number> {
    return this.accounts.insert(id);
  }
  @Workflow()
  async reads(): Promise<number> {
    return this.accounts.balances();
  }
  @Workflow()
  async fails(): Promise<void> {
    await this.accounts.fails();
  }
  @Workflow()
  async withdraw(id: string): Promise<boolean> {
    return this.accounts.withdraw(id);
  }
  @Workflow()
  async lockBoth(first: string, second: string): Promise<string> {
    await this.accounts.lockBoth(first, second);
    return `${first}${second}`;
  }
}

describe('behaviours of transactions', () => {
  let engine: Engine;
  before(async () => {
    engine = await Engine.start(
      { services: [Flows] },
      { schema: 'create table account (id text, balance int not null); create table "Mixed" ("Key" text, value text)' },
    );
  });
  after(() => engine.close());
  beforeEach(async () => {
    gates.reset();
    ran = 0;
    await engine.clear();
    await engine.admin.query('truncate account');
  });
  const idle = () => runningOf(engine.app).executor.store.connections.gauges;

  it('BEHAVIOUR 27: an insert in a workflow that is run again is one row and one result, held by the completed row', async () => {
    const run = () => engine.app.start(Flows, { workflowId: 'b27' }).insert('a').result();
    expect([await run(), await run(), ran]).deep.equal([1, 1, 1]);
    expect((await engine.admin.query('select id from account')).rows).deep.equal([{ id: 'a' }]);
    expect(await engine.row('b27')).include({ status: 'SUCCESS', output: (await engine.records('b27'))[0]?.output });
  });

  it('BEHAVIOUR 27: a read-only step costs no commit of its own: its record is in the commit of the outcome', async () => {
    await engine.app.start(Flows, { workflowId: 'b27-read' }).reads().result();
    const [record] = await engine.records('b27-read');
    expect([record?.kind, record?.xid]).deep.equal(['transaction', (await engine.row('b27-read'))?.xid]);
  });

  it('BEHAVIOUR 28: a transaction that throws rolls back and records its error once; a run of the same id throws it again without running', async () => {
    const run = () => rejected(engine.app.start(Flows, { workflowId: 'b28' }).fails().result());
    for (const error of [await run(), await run()]) expect(error).include({ name: 'Broke', message: 'broke by 7', code: 'BROKE', amount: 7 });
    expect([ran, await engine.ledger(), (await engine.records('b28')).length, (await engine.row('b28'))?.status]).deep.equal([1, [], 1, 'ERROR']);
    const direct = () => rejected(engine.app.start(Accounts, { workflowId: 'b28-direct' }).fails().result());
    for (const error of [await direct(), await direct()]) expect(error).include({ name: 'Broke', code: 'BROKE' });
    expect([ran, await engine.ledger()]).deep.equal([2, []]);
  });

  it('BEHAVIOUR 69: after a throw the connection goes back clean: no open transaction, nothing leaks into the next call', async () => {
    for (let i = 0; i < 30; i++) await rejected(engine.app.get(Accounts).fails());
    expect(await engine.app.get(Accounts).insert('clean')).equal(1);
    await until('all connections are back', () => idle().userLeased === 0);
    const { rows } = await engine.admin.query(`select state from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`);
    expect([rows, await engine.ledger()]).deep.equal([[], []]);
  });

  it('a read-only transaction that writes is refused by the database, and nothing is written', async () => {
    const error = await rejected(engine.app.get(Accounts).writesAnyway());
    expect(error.code).equal('25006');
    expect((await engine.admin.query('select 1 from account')).rowCount).equal(0);
  });

  it('BEHAVIOUR 70: counts and rows are those of the database, and texts keep their case and literals', async () => {
    expect(await engine.app.get(Accounts).shapes()).deep.equal([
      2,
      1,
      [
        { Key: 'A--B', value: "O'Reilly; DROP", Text: 'SELECT ; -- x' },
        { Key: 'C;D', value: '$1', Text: 'SELECT ; -- x' },
      ],
      2,
    ]);
  });

  it('BEHAVIOUR 70: the same with a probe that sees every flight and without one', async () => {
    const seen: string[] = [];
    const traced = await engine.another(
      {},
      {
        probe: (point, detail) => {
          if (point === 'flight:before') seen.push(...(detail as FlightPoint).statements.map((s) => s.text));
        },
      },
    );
    expect(await traced.get(Accounts).shapes()).deep.equal(await engine.app.get(Accounts).shapes());
    expect(
      seen.some((text) => text.includes(`'it''s "Quoted" /* no comment */'`)),
      'the text as written',
    ).equal(true);
    await traced.shutdown({ grace: 0 });
  });

  it('BEHAVIOUR 71: write skew between two functions is prevented at the default isolation level', async () => {
    await engine.admin.query(`insert into account values ('a', 60), ('b', 60)`);
    gates.close('read a', 'read b');
    const both = Promise.all([engine.app.get(Flows).withdraw('a'), engine.app.get(Flows).withdraw('b')]);
    await Promise.all([gates.reached('read a'), gates.reached('read b')]);
    gates.open('read a', 'read b'); // both have read 120
    expect((await both).sort()).deep.equal([false, true]);
    expect((await engine.admin.query('select sum(balance)::int as total from account')).rows).deep.equal([{ total: 20 }]);
    expect(gates.visits('read a') + gates.visits('read b'), 'one was run again').equal(3);
  });

  it('BEHAVIOUR 74: a deadlock victim is run again, and 40P01 never becomes an outcome', async () => {
    await engine.admin.query(`insert into account values ('a', 0), ('b', 0)`);
    gates.close('locked a', 'locked b');
    const both = Promise.all([
      engine.app.start(Flows, { workflowId: 'b74-ab' }).lockBoth('a', 'b').result(),
      engine.app.start(Flows, { workflowId: 'b74-ba' }).lockBoth('b', 'a').result(),
    ]);
    await Promise.all([gates.reached('locked a'), gates.reached('locked b')]);
    gates.open('locked a', 'locked b');
    expect(await both).deep.equal(['ab', 'ba']);
    expect(gates.visits('locked a') + gates.visits('locked b'), 'a victim ran again').greaterThan(2);
    expect((await engine.admin.query('select id, balance from account order by id')).rows).deep.equal([
      { id: 'a', balance: 2 },
      { id: 'b', balance: 2 },
    ]);
    for (const id of ['b74-ab', 'b74-ba']) expect((await engine.records(id)).map((r) => r.error)).deep.equal([null]);
  });

  it('BEHAVIOUR 74: a killed connection is retried, in a workflow and directly', async () => {
    await engine.admin.query(`insert into account values ('a', 0), ('b', 0)`);
    for (const [n, call] of [() => engine.app.get(Flows).lockBoth('a', 'b'), () => engine.app.get(Accounts).lockBoth('a', 'b')].entries()) {
      gates.reset();
      gates.close('locked a');
      const done = call();
      await gates.reached('locked a');
      const { rows } = await engine.admin.query<{ killed: boolean }>(
        `select pg_terminate_backend(pid) as killed from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`,
      );
      expect(rows).deep.equal([{ killed: true }]);
      gates.open('locked a');
      await done;
      expect(gates.visits('locked a')).equal(2);
      expect((await engine.admin.query('select id, balance from account order by id')).rows).deep.equal([
        { id: 'a', balance: n + 1 },
        { id: 'b', balance: n + 1 },
      ]);
    }
  });
});
