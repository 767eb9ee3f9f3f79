import { sql } from '@apiary/core';
import { compile, interpret, UserTransaction } from '@apiary/core/internal';
import { expect } from 'chai';
import { bench, countWrites, inside, lent, rejected, serializable, transact, type Bench } from '../support/connections.js';

interface Item {
  id: number;
  name: string | null;
}

describe('sql', () => {
  let b: Bench;
  before(async () => {
    b = await bench(
      {},
      `create table item (id int primary key, name text, tags text[], doc jsonb, raw bytea, at timestamptz, big int8); create schema "We""ird"; create table "We""ird"."T a" (x int)`,
    );
  });
  after(async () => b[Symbol.asyncDispose]());
  beforeEach(() => b.admin.query(`truncate item; insert into item (id, name) values (1, 'one'), (2, 'two'), (3, null)`));

  const run = <T>(code: () => T | PromiseLike<T>): Promise<T> => transact(b.connections, code);

  it('gives rows, one, maybe and count', async () => {
    await run(async () => {
      expect(await sql<Item>`select id, name from item where id < ${3} order by id`).deep.equal([
        { id: 1, name: 'one' },
        { id: 2, name: 'two' },
      ]);
      expect(await sql<Item>`select id from item where id = ${2}`.one()).deep.equal({ id: 2 });
      expect(await sql<Item>`select id from item where id = ${9}`.maybe()).equal(undefined);
      expect(await sql`update item set name = name where id > ${1}`.count()).equal(2);
      expect(await sql`select from item`.count()).equal(3);
      expect(await sql`delete from item where id = ${1}`).deep.equal([]);
    });
  });

  it('ROW_COUNT for another number of rows', async () => {
    for (const [query, rows] of [
      [() => sql`select 1 where false`.one(), 0],
      [() => sql`select from item`.one(), 3],
      [() => sql`select from item`.maybe(), 3],
      [() => sql`update item set id = id`.one(), 0],
    ] as const) {
      const error = await rejected(run(query));
      expect([error.code, error.details]).deep.equal(['ROW_COUNT', { rows }]);
    }
  });

  it('carries values by their types', async () => {
    const at = new Date('2026-01-02T03:04:05.678Z');
    await run(async () => {
      await sql`insert into item (id, name, tags, doc, raw, at, big) values (${10}, ${'ünï\'"\\'}, ${['a', 'b"', 'c,d']}, ${{ a: [1, null], b: 'x' }}, ${Buffer.from([0, 255])}, ${at}, ${9007199254740993n})`;
      expect(await sql`select name, tags, doc, raw, at, big from item where id = ${10}`.one()).deep.equal({
        name: 'ünï\'"\\',
        tags: ['a', 'b"', 'c,d'],
        doc: { a: [1, null], b: 'x' },
        raw: Buffer.from([0, 255]),
        at,
        big: '9007199254740993',
      });
      expect(await sql`select id from item where id = any(${[1, 3]}) order by id`).deep.equal([{ id: 1 }, { id: 3 }]);
      expect(await sql`select id from item where id = any(${[]}::int[])`).deep.equal([]);
      expect(await sql`select ${null}::text as a, ${true}::bool as b, ${1.5}::float8 as c`.one()).deep.equal({ a: null, b: true, c: 1.5 });
      await sql`update item set doc = ${sql.json([1, 'x'])} where id = ${1}`;
      expect(await sql`select doc from item where doc @> ${sql.json(['x'])}`.one()).deep.equal({ doc: [1, 'x'] });
      expect(await sql`select ${sql.json(null)}::jsonb is null as n, ${sql.json('s')}::jsonb as s`.one()).deep.equal({ n: false, s: 's' });
    });
  });

  it('embeds fragments and statements, and numbers their values through', async () => {
    await run(async () => {
      const filter = sql`name = ${'two'} or id = ${1}`;
      const inner = sql`select id from item where ${filter}`;
      const rows =
        await sql`select id, ${'first'}::text as f from ${sql.id('item')} where id in (${inner}) and id in (${sql.join([1, 2, 3])}) and ${9} = ${9}::int order by id`;
      expect(rows).deep.equal([
        { id: 1, f: 'first' },
        { id: 2, f: 'first' },
      ]);
      const conditions = sql.join([sql`id > ${0}`, sql`name is not null`], ' and ');
      expect(await sql`select id from item where ${conditions} order by ${sql.id('id')} desc`).deep.equal([{ id: 2 }, { id: 1 }]);
      await sql`insert into ${sql.id('We"ird', 'T a')} (x) values ${sql.join([sql`(${1})`, sql`(${2})`])}`;
      expect(await sql`select count(*)::int as n from ${sql.id('We"ird', 'T a')}`.one()).deep.equal({ n: 2 });
    });
  });

  it('a value never becomes text', async () => {
    const evil = `x'; drop table item; --`;
    await run(async () => {
      await sql`update item set name = ${evil} where id = ${1}`;
      expect(await sql`select name from item where name = ${evil}`.one()).deep.equal({ name: evil });
    });
    const error = await rejected(run(() => sql`select 1 from ${sql.id(evil)}`));
    expect(error.code).equal('42P01');
  });

  it('refuses what would silently become something else', () => {
    const bad: (() => unknown)[] = [
      () => sql`select ${undefined as never}`,
      () => sql`select ${(() => {}) as never}`,
      () => sql`select ${Symbol('s') as never}`,
      () => sql`select ${new Map()}`,
      () => sql`select ${new Set()}`,
      () => sql`select ${Promise.resolve(1)}`,
      () => sql.join([]),
      () => sql.join([undefined as never]),
      () => sql.id(),
      () => sql.id(''),
      () => sql.id('a\0b'),
      () => sql.json(undefined),
      () => sql.json(() => {}),
      () => (sql.batch as unknown as () => unknown)(),
      () => (sql.batch as unknown as (q: unknown) => unknown)('select 1'),
    ];
    for (const code of bad) expect(code).throw().with.property('code', 'CONFIG');
  });

  it('an object that JSON cannot take and an invalid date are errors of the caller, and the transaction goes on', async () => {
    await run(async () => {
      const cyclic: Record<string, unknown> = {};
      cyclic['self'] = cyclic;
      expect(await rejected(Promise.resolve(sql`select ${cyclic}`))).instanceOf(TypeError);
      expect(await rejected(Promise.resolve(sql`select ${new Date(NaN)}`))).instanceOf(TypeError);
      expect(await sql`select 1 as n`).deep.equal([{ n: 1 }]);
    });
  });

  it('a first statement that cannot be sent does not take BEGIN with it', async () => {
    await rejected(
      run(async () => {
        await Promise.allSettled([sql`select ${new Date(NaN)}`, sql`insert into item (id) values (77)`]);
        throw new Error('roll back');
      }),
    );
    expect((await b.admin.query('select from item where id = 77')).rowCount).equal(0);
  });

  it('is sent when it is awaited, once, however often', async () => {
    await run(async () => {
      const query = sql`insert into item (id) values (${20}) returning id`;
      expect(await sql`select from item where id = ${20}`.count()).equal(0);
      expect(await query).deep.equal([{ id: 20 }]);
      expect(await query.one()).deep.equal({ id: 20 });
      expect(await query.count()).equal(1);
      expect(await Promise.all([query, query.maybe()])).deep.equal([[{ id: 20 }], { id: 20 }]);
    });
  });

  it('then, catch and finally are those of a promise', async () => {
    await run(async () => {
      expect(await sql`select 1 as n`.one().then((row) => row)).deep.equal({ n: 1 });
      let ended = 0;
      expect(await sql`select 2 as n`.finally(() => ended++)).deep.equal([{ n: 2 }]);
      expect(await sql`select 1 where false`.one().catch((error: { code: string }) => error.code)).equal('ROW_COUNT');
      expect(ended).equal(1);
    });
  });

  it('runs in the transaction that is current when it is awaited; outside NO_TRANSACTION', async () => {
    const made = sql`select txid_current()::text as id`;
    expect((await rejected(Promise.resolve(sql`select 1`))).code).equal('NO_TRANSACTION');
    const [mine, other] = await run(async () => [await made.one(), await sql`select txid_current()::text as id`.one()]);
    expect(mine).deep.equal(other);
  });

  it('an error shows where it was awaited', async () => {
    const error = await rejected(
      run(async function userCode() {
        await sql`select 1 / ${0}::int`;
      }),
    );
    expect(error.code).equal('22012');
    expect(error.stack).include('userCode');
  });

  it('the same place in the source is the same prepared statement', async () => {
    await lent(b.connections, async (connection) => {
      const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      await inside(transaction, async () => {
        for (const id of [1, 2, 3]) await sql`select name as marker from item where id = ${id}`;
      });
      await transaction.rollback();
      const [names] = await connection.fly([
        { text: `select name from pg_prepared_statements where statement like '%as marker%' and statement not like '%pg_prepared%'` },
      ]);
      expect(names?.rowCount).equal(1);
    });
  });

  describe('batch', () => {
    it('sends all in one flight and gives the value of the last', async () => {
      await lent(b.connections, async (connection) => {
        const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
        const counter = countWrites(connection);
        const value = await inside(transaction, () =>
          sql.batch(
            sql`delete from item where id = ${1}`,
            sql.batch(sql`delete from item where id = ${2}`.count(), sql`select 1`),
            sql`select id from item`.one(),
          ),
        );
        expect([value, counter.writes]).deep.equal([{ id: 3 }, 1]);
        await transaction.rollback();
      });
    });

    it('stops at the first that fails, and checks all row counts', async () => {
      const error = await rejected(run(() => sql.batch(sql`select 1 / 0`, sql`delete from item`)));
      expect(error).include({ code: '22012', statement: 'select 1 / 0' });
      expect((await rejected(run(() => sql.batch(sql`select 1 where false`.one(), sql`select 1`)))).code).equal('ROW_COUNT');
      expect((await b.admin.query('select from item')).rowCount).equal(3);
    });

    it('takes no statement twice', async () => {
      await run(async () => {
        const query = sql`select 1`;
        expect(() => sql.batch(query, query))
          .throw()
          .with.property('code', 'CONFIG');
        const sent = sql`select 1`;
        await sent;
        expect(() => sql.batch(sent, sql`select 2`))
          .throw()
          .with.property('code', 'CONFIG');
      }).catch(() => {});
    });
  });

  describe('for a @Procedure', () => {
    it('compiles to statements and interprets their results', async () => {
      const compiled = compile(
        sql.batch(sql`update item set name = ${'x'} where id = ${1}`, sql<Item>`select name from item where id = ${1}`.one()),
        'Items.rename',
      );
      expect(compiled.statements.map(({ text, values }) => ({ text, values }))).deep.equal([
        { text: 'update item set name = $1 where id = $2', values: ['x', 1] },
        { text: 'select name from item where id = $1', values: [1] },
      ]);
      expect(compiled.last).equal('one');
      await using c = await disposable(b);
      expect(interpret(compiled, await c.fly(compiled.statements))).deep.equal({ name: 'x' });
      expect(() =>
        interpret(compiled, [
          { command: 'UPDATE', rowCount: 1, rows: [] },
          { command: 'SELECT', rowCount: 0, rows: [] },
        ]),
      )
        .throw()
        .with.property('code', 'ROW_COUNT');
    });

    it('refuses what is no statement, and what would end the transaction', () => {
      for (const value of [undefined, 'select 1', Promise.resolve([]), [sql`select 1`]])
        expect(() => compile(value, 'Items.x'))
          .throw()
          .with.property('code', 'CONFIG');
      expect(() => compile(sql`commit`, 'Items.x'))
        .throw()
        .with.property('code', 'FORBIDDEN_CALL');
      expect(() => compile(sql.batch(sql`select 1`, sql`copy item from stdin`), 'Items.x'))
        .throw()
        .with.property('code', 'FORBIDDEN_CALL');
    });
  });
});

async function disposable(b: Bench) {
  const connection = await b.connections.dedicated('system');
  return { fly: connection.fly.bind(connection), [Symbol.asyncDispose]: async () => connection.destroy() };
}
