import { Procedure, Service, Workflow, sql, workflowId } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { backendGone, executes, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import pg from 'pg';
import { Engine, rejected, Trace } from '../support/engine.js';

const effect = (step: string) => sql`insert into ledger (workflow_id, step) values (${workflowId()}, ${step})`;

@Service()
class Items {
  /** Each call adds to the item, and tells what became of it. */
  @Procedure()
  add(id: number) {
    return sql.batch(effect(`add ${id}`), sql<{ n: number }>`update item set n = n + 1 where id = ${id} returning n`.one());
  }
  /** Fails where the item is there already. */
  @Procedure()
  make(id: number) {
    return sql.batch(effect(`make ${id}`), sql<{ id: number }>`insert into item values (${id}, 0) returning id`.one());
  }
  @Procedure()
  announce(word: string) {
    return sql.batch(effect(`announce ${word}`), sql<{ done: string }>`select pg_notify('words', ${word})::text as done`.one());
  }
  @Procedure()
  dawdle(ms: number) {
    return sql.batch(effect('dawdle'), sql<{ done: string }>`select pg_sleep(${ms / 1000})::text as done`.one());
  }
  @Procedure({ isolation: 'serializable' })
  serializable(id: number) {
    return sql.batch(effect(`serializable ${id}`), sql<{ n: number }>`update item set n = n + 1 where id = ${id} returning n`.one());
  }
}

@Service()
class Flows {
  constructor(private readonly items: Items) {}
  @Workflow()
  async twice(id: number): Promise<number[]> {
    return [(await this.items.add(id)).n, (await this.items.add(id)).n];
  }
}

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

describe('concurrent calls of @Procedures', () => {
  let engine: Engine;
  const trace = new Trace();
  /** How many shared flights left, and how many calls were in them, since this was made. */
  const counting = (): (() => { flights: number; members: number; broken: number }) => {
    const { counters } = runningOf(engine.app).executor.sharedFlights;
    const before = { ...counters };
    return () => ({ flights: counters.flights - before.flights, members: counters.members - before.members, broken: counters.broken - before.broken });
  };
  /** BEGIN of each flight that left, and the number of calls in it. */
  const flown = (): [string, number][] =>
    trace
      .of('flight:before')
      .filter((f) => f.connection === 'user' && f.statements.at(-1)?.text === 'commit')
      .map((f) => [f.statements[0]?.text ?? '', f.statements.filter((s) => s.text.startsWith('insert into ledger')).length]);
  const sum = async (): Promise<number> => Number((await engine.admin.query<{ n: string }>('select sum(n) as n from item')).rows[0]?.n);

  beforeEach(async () => {
    trace.clear();
    engine = await Engine.start(
      { services: [Flows, Items], isolation: 'read committed', pool: { size: 4 } },
      {
        proxied: true,
        internals: { probe: trace.probe },
        schema: 'create table item (id int primary key, n int not null); insert into item select i, 0 from generate_series(0, 19) i',
      },
    );
  });
  afterEach(async () => {
    try {
      await engine.expectEffectsRecorded();
    } finally {
      await engine.close();
    }
  });

  it('share flights, each with its own row and result', async () => {
    const count = counting();
    trace.clear();
    const items = engine.app.get(Items);
    expect(await Promise.all(range(20).map((id) => items.add(id)))).deep.equal(range(20).map(() => ({ n: 1 })));
    const sent = flown();
    expect(sent.map(([, calls]) => calls).reduce((a, b) => a + b)).equal(20);
    expect(
      sent.map(([, calls]) => calls),
      'the first finds nothing under way, and half of all others go while it is',
    ).includes.members([1, 10]);
    expect(sent.length, 'BEGIN and COMMIT').lessThan(7);
    expect(count().broken).equal(0);
    const { rows } = await engine.admin.query('select count(*)::int as n, count(distinct xid)::int as transactions from apiary.workflow_status');
    expect(rows).deep.equal([{ n: 20, transactions: sent.length }]);
  });

  it('of a row that all of them change see each other, one after the other', async () => {
    const items = engine.app.get(Items);
    const seen = await Promise.all(range(20).map(() => items.add(7)));
    expect(seen.map(({ n }) => n).sort((a, b) => a - b)).deep.equal(range(20).map((i) => i + 1));
    expect(await sum()).equal(20);
  });

  it('in workflows carry the start rows of theirs', async () => {
    const count = counting();
    const flows = engine.app.get(Flows);
    expect(await Promise.all(range(12).map((id) => flows.twice(id)))).deep.equal(range(12).map(() => [1, 2]));
    expect(count().members, 'all but those that found nothing under way').greaterThan(16);
    expect(count().flights, 'many at once').lessThan(12);
    const { rows } = await engine.admin.query(
      `select status, count(*)::int as n, (select count(*)::int from apiary.function_status) as records from apiary.workflow_status group by status`,
    );
    expect(rows).deep.equal([{ status: 'SUCCESS', n: 12, records: 24 }]);
  });

  it('of which one fails: its caller gets the error, the others what they asked for, and the function keeps to itself', async () => {
    const items = engine.app.get(Items);
    const count = counting();
    const first = items.make(100);
    const failed = rejected(items.make(3));
    const made = range(8).map((i) => items.make(101 + i));
    expect(await Promise.all([first, ...made])).deep.equal(range(9).map((i) => ({ id: 100 + i })));
    expect((await failed).code).equal('23505');
    expect(count().broken).equal(1);
    expect((await engine.ledger()).toSorted()).deep.equal(range(9).map((i) => `make ${100 + i}`));
    const before = count();
    await Promise.all(range(8).map((i) => items.make(200 + i)));
    expect(count(), 'none was shared').deep.equal(before);
    await Promise.all(range(8).map((id) => items.add(id)));
    expect(count().members, 'others still are').greaterThan(before.members + 4);
  });

  it('of which one meets a lock that somebody holds: the others do not wait for it', async () => {
    const items = engine.app.get(Items);
    const holder = new pg.Client({ connectionString: engine.database.connectionString });
    await holder.connect();
    try {
      await holder.query('begin; update item set n = n where id = 0');
      let done = false;
      const first = items.add(10); // it finds nothing under way and flies by itself
      const waits = items.add(0).then((r) => ((done = true), r));
      expect(await Promise.all([first, ...range(9).map((i) => items.add(i + 1))])).deep.equal(range(10).map(() => ({ n: 1 })));
      expect(done, 'it waits').equal(false);
      await holder.query('commit');
      expect(await waits).deep.equal({ n: 1 });
    } finally {
      await holder.end();
    }
    expect(await sum()).equal(11);
  });

  it('of which one is slow: soon the others do not wait for it', async () => {
    const items = engine.app.get(Items);
    for (let round = 0; round < 4; round++) await items.dawdle(60);
    const count = counting();
    trace.clear();
    await Promise.all([items.dawdle(1), ...range(9).map((id) => items.add(id)), items.dawdle(1)]);
    const dawdling = trace.of('flight:before').filter((f) => f.statements.some((s) => s.text.includes('pg_sleep')));
    expect(dawdling.map((f) => f.statements.filter((s) => s.text.startsWith('insert into ledger')).length)).deep.equal([1, 1]);
    expect(count().members).greaterThan(6);
  });

  it('that lock the same rows in any order end all the same', async () => {
    const items = engine.app.get(Items);
    for (let round = 0; round < 5; round++) await Promise.all(range(40).map((i) => items.add((i * 7 + round) % 5)));
    expect(await sum()).equal(200);
    expect(await engine.ledger()).length(200);
  });

  it('that show to others of their transaction fly alone: equal notifications are sent once a transaction', async () => {
    const heard: string[] = [];
    await engine.admin.query('listen words');
    engine.admin.on('notification', ({ payload }) => heard.push(payload ?? ''));
    const count = counting();
    const items = engine.app.get(Items);
    await Promise.all(range(6).map(() => items.announce('same')));
    await engine.admin.query('select 1');
    expect(heard).deep.equal(range(6).map(() => 'same'));
    expect(count().members).equal(0);
  });

  it('of another isolation level have flights of their own', async () => {
    const items = engine.app.get(Items);
    trace.clear();
    await Promise.all(range(10).map((id) => (id % 2 === 0 ? items.add(id) : items.serializable(id))));
    const sent = flown();
    for (const level of ['read committed', 'serializable']) {
      const calls = sent.filter(([begin]) => begin === `begin isolation level ${level} read write`).map(([, n]) => n);
      expect(calls.length, `flights of ${level}`).lessThan(5);
      expect(
        calls.reduce((a, b) => a + b),
        `calls of ${level}`,
      ).equal(5);
    }
  });

  for (const fault of [{ kind: 'lose answer' }, { kind: 'cut', at: 'before' }, { kind: 'cut', at: 'after' }] as const) {
    it(`whose shared flight is lost (${Object.values(fault).join(' ')}): each takes effect once, and each caller has its value`, async () => {
      const lost = engine.proxy.add({ on: 'request', is: executes(/lock_timeout/), fault });
      const items = engine.app.get(Items);
      const values = await Promise.all(range(10).map((id) => items.add(id)));
      await lost.hit;
      expect(trace.of('run:void'), 'what became of it was looked up').deep.equal([]);
      expect(values).deep.equal(range(10).map(() => ({ n: 1 })));
      expect([await sum(), (await engine.ledger()).length]).deep.equal([10, 10]);
    });
  }

  it('of which one was done by another executor: it is told that, the others are not concerned', async () => {
    const other = await engine.another();
    const ids = range(10).map((i) => `call-${i}`);
    const both = await Promise.all([engine.app, other].flatMap((app) => ids.map((workflowId, i) => app.start(Items, { workflowId }).add(i).result())));
    expect(both).deep.equal([...ids, ...ids].map(() => ({ n: 1 })));
    expect([await sum(), (await engine.ledger()).length]).deep.equal([10, 10]);
  });

  it('while the backend of the flight is killed: each takes effect once', async () => {
    const items = engine.app.get(Items);
    const holder = new pg.Client({ connectionString: engine.database.connectionString });
    await holder.connect();
    try {
      await holder.query('begin; lock table item in access exclusive mode');
      const all = Promise.all(range(10).map((id) => items.add(id)));
      const asked = `select pid from pg_stat_activity where wait_event_type = 'Lock' and query like '%update item%' limit 1`;
      const pid = await until('a flight waits', async () => (await engine.admin.query<{ pid: number }>(asked)).rows[0]?.pid);
      await engine.admin.query('select pg_terminate_backend($1)', [pid]);
      await backendGone(engine.admin, pid);
      await holder.query('commit');
      expect(await all).deep.equal(range(10).map(() => ({ n: 1 })));
    } finally {
      await holder.end();
    }
    expect([await sum(), (await engine.ledger()).length]).deep.equal([10, 10]);
  });
});
