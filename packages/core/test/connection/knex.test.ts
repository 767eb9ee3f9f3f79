import { UserTransaction, type Connection, type Connections } from '@apiary/core/internal';
import { db, sql } from '@apiary/core';
import { AsyncResource } from 'node:async_hooks';
import { expect } from 'chai';
import knex, { type Knex } from 'knex';
import pg from 'pg';
import { bench, countWrites, inside, lent, rejected, serializable, transact, type Bench } from '../support/connections.js';

const schema = `create table item (id int primary key, name text, "createdAt" timestamptz default now());
  create table snake (the_id int primary key, long_name text);`;

describe('db, the transaction as Knex', () => {
  let b: Bench;
  before(async () => {
    b = await bench({}, schema);
  });
  after(async () => b[Symbol.asyncDispose]());
  beforeEach(async () => {
    await b.admin.query(`truncate item, snake; insert into item select g, 'n' || g from generate_series(1, 250) g`);
  });
  const count = async (where = 'true'): Promise<number> =>
    Number((await b.admin.query<{ n: string }>(`select count(*) as n from item where ${where}`)).rows[0]?.n);

  it('where, first, pluck, count, returning, raw, schema and the rest of Knex', async () => {
    await transact(b.connections, async () => {
      expect(await db('item').where({ id: 1 }).first('name')).deep.equal({ name: 'n1' });
      expect(await db('item').where('id', '<', 4).orderBy('id').pluck('id')).deep.equal([1, 2, 3]);
      expect(await db('item').count('* as n').first()).deep.equal({ n: '250' });
      expect(await db('item').insert({ id: 1000, name: 'x' }).returning(['id', 'name'])).deep.equal([{ id: 1000, name: 'x' }]);
      expect(await db('item').where({ id: 1000 }).update({ name: 'y' })).equal(1);
      expect(await db('item').where({ id: 1000 }).del()).equal(1);
      const raw = await db.raw<{ rows: unknown[]; rowCount: number; command: string; fields: { name: string }[] }>('select ? as a', ['x']);
      expect([raw.rows, raw.rowCount, raw.command, raw.fields[0]?.name]).deep.equal([[{ a: 'x' }], 1, 'SELECT', 'a']);
      expect(await db.select('id').from('item').whereRaw('id = ?', [2]).options({ rowMode: 'array' })).deep.equal([[2]]);
      expect(await db.schema.hasTable('item')).equal(true);
      expect(await db.queryBuilder().select(db.raw('1 as one')).first()).deep.equal({ one: 1 });
      expect(
        await db('item')
          .where('createdAt', '<=', db.fn.now())
          .andWhere({ id: 3 })
          .first()
          .then((row: { name: string }) => row.name),
      ).equal('n3');
    });
  });

  it('a builder that the method returns without await is awaited in the transaction', async () => {
    const value = await transact(b.connections, () => db('item').insert({ id: 500, name: 'returned' }).returning('id') as unknown as Promise<unknown>);
    expect(value).deep.equal([{ id: 500 }]);
    expect(await transact(b.connections, async () => db('item').where({ id: 500 }).first('name'))).deep.equal({ name: 'returned' });
    expect(await transact(b.connections, async () => sql`select name from item where id = 500`.one())).deep.equal({ name: 'returned' });
  });

  it('nested transactions are savepoints, one after the other', async () => {
    await transact(b.connections, async () => {
      await db.transaction(async (trx) => trx('item').insert({ id: 300 }));
      await rejected(
        db.transaction(async (trx) => {
          await trx('item').insert({ id: 301 });
          throw new Error('undone');
        }),
      );
      await Promise.all([
        db.transaction(async (trx) => trx('item').insert({ id: 302 })),
        db.transaction(async (trx) => trx.transaction(async (deeper) => deeper('item').insert({ id: 303 }))),
      ]);
      const trx = await db.transaction();
      await trx('item').insert({ id: 304 });
      await trx.rollback();
    });
    expect(await b.admin.query('select id from item where id >= 300 order by id').then((r) => r.rows.map((row: { id: number }) => row.id))).deep.equal([
      300, 302, 303,
    ]);
  });

  it('batchInsert', async () => {
    await transact(b.connections, () =>
      db.batchInsert(
        'item',
        Array.from({ length: 120 }, (_, i) => ({ id: 1000 + i })),
        50,
      ),
    );
    expect(await count('id >= 1000')).equal(120);
  });

  it('streams in portions, and BEGIN flies with the first', async () => {
    await lent(b.connections, async (connection) => {
      const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      const counter = countWrites(connection);
      await inside(transaction, async () => {
        const ids: number[] = [];
        for await (const row of db('item').orderBy('id').stream({ batchSize: 100, highWaterMark: 100 }) as AsyncIterable<{ id: number }>) ids.push(row.id);
        expect(ids).deep.equal(Array.from({ length: 250 }, (_, i) => i + 1));
      });
      expect(counter.writes).equal(3);
      await transaction.commit([]);
    });
  });

  it('a stream that is left early does not disturb the transaction; one that is not read to its end is floating or harmless', async () => {
    await transact(b.connections, async () => {
      for await (const row of db('item').orderBy('id').stream({ batchSize: 10, highWaterMark: 10 }) as AsyncIterable<{ id: number }>) if (row.id === 15) break;
      await db('item').insert({ id: 600 });
    });
    expect(await count('id = 600')).equal(1);
    const error = await rejected(
      transact(b.connections, async () => {
        db.select(db.raw('pg_sleep(0.3)'))
          .stream()
          .on('error', () => {});
        await new Promise((resolve) => setTimeout(resolve, 20));
      }),
    );
    expect(error.code).equal('FLOATING_QUERY');
  });

  it('a stream reports the errors of its statement', async () => {
    const error = await rejected(
      transact(b.connections, async () => {
        for await (const _ of db('nowhere').stream()) expect.fail();
      }),
    );
    expect(error.code).equal('42P01');
  });

  it('a query time-out of Knex cancels the statement', async () => {
    const error = await rejected(transact(b.connections, () => db.raw('select pg_sleep(60)').timeout(50, { cancel: true })));
    expect(error.name).equal('KnexTimeoutError');
  });

  it('texts that come again are prepared, texts used once are not', async () => {
    await lent(b.connections, async (connection) => {
      for (let i = 0; i < 3; i++) {
        const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
        await inside(transaction, async () => {
          await db('item').where({ id: i, name: 'often' });
          await db('item').whereIn(
            'id',
            Array.from({ length: i + 1 }, () => 1),
          );
        });
        await transaction.commit([]);
      }
      const [names] = await connection.fly([
        { text: `select statement from pg_prepared_statements where name like 'apiary_u%' and statement like '%"name" = %'` },
      ]);
      expect(names?.rows).deep.equal([{ statement: 'select * from "item" where "id" = $1 and "name" = $2' }]);
      const [lists] = await connection.fly([{ text: `select statement from pg_prepared_statements where statement like '%in ($1%'` }]);
      expect(lists?.rowCount).equal(0);
    });
  });

  it('outside a transaction, and after its end, nothing is sent', async () => {
    for (const use of [() => db('item'), () => db.raw('select 1'), () => db.schema, () => db.transaction(), () => (db as unknown as Knex).client as unknown])
      expect(use).throw().with.property('code', 'NO_TRANSACTION');
    let kept: Knex.Transaction | undefined;
    let builder: Knex.QueryBuilder | undefined;
    await transact(b.connections, async (transaction) => {
      kept = transaction.db;
      builder = db('item').insert({ id: 700 });
      await db('item').where({ id: 1 });
    });
    expect((await rejected(Promise.resolve(builder))).code).equal('NO_TRANSACTION');
    expect((await rejected(Promise.resolve(kept?.('item').insert({ id: 701 })))).code).equal('NO_TRANSACTION');
    expect(await count('id in (700, 701)')).equal(0);
  });

  it('a db kept from an earlier transaction cannot write into a later one of the same connection', async () => {
    await lent(b.connections, async (connection) => {
      const first = new UserTransaction(connection, { begin: [serializable], label: 'first' });
      let stale: (() => Promise<unknown>) | undefined;
      await inside(first, async () => {
        const kept = first.db;
        await kept('item').where({ id: 1 });
        // Runs in the async context of the first, whenever it is called.
        stale = bound(() => Promise.resolve(kept('item').insert({ id: 800 })));
      });
      await first.commit([]);
      const second = new UserTransaction(connection, { begin: [serializable], label: 'second' });
      expect(second.db).equal(first.db);
      await inside(second, () => db('item').insert({ id: 801 }));
      expect((await rejected(stale?.() ?? Promise.resolve())).code).equal('NO_TRANSACTION');
      expect((await rejected(Promise.resolve(second.db('item').insert({ id: 802 })))).code, 'outside of its context').equal('NO_TRANSACTION');
      await second.commit([]);
    });
    expect(await count('id >= 800')).equal(1);
  });

  it('commit and rollback are refused, on db and on the shell behind it', async () => {
    await transact(b.connections, async (transaction) => {
      for (const target of [db, transaction.db] as unknown as { commit(): unknown; rollback(): unknown }[]) {
        expect(() => target.commit())
          .throw()
          .with.property('code', 'FORBIDDEN_CALL');
        expect(() => target.rollback())
          .throw()
          .with.property('code', 'FORBIDDEN_CALL');
      }
    });
  });

  it('fits code that takes Knex or Knex.Transaction, and can be looked at anywhere', async () => {
    const helper = async (client: Knex): Promise<unknown> => client('item').where({ id: 1 }).first('name');
    const other = async (trx: Knex.Transaction): Promise<unknown> => b.connections.knex('item').where({ id: 2 }).first('name').transacting(trx);
    expect(await transact(b.connections, async () => [await helper(db), await other(db), db.isTransaction])).deep.equal([{ name: 'n1' }, { name: 'n2' }, true]);
    expect(await Promise.resolve(db)).equal(db);
    expect(String(Object.prototype.toString.call(db))).equal('[object Function]');
  });

  it("an error keeps Knex's form, code and statement", async () => {
    const error = await rejected(transact(b.connections, () => db('item').insert({ id: 1 }) as unknown as Promise<unknown>));
    expect(error.message).match(/^insert into "item" \("id"\) values \(\$1\) - duplicate key/);
    expect(error.code).equal('23505');
  });

  describe("with the user's own Knex", () => {
    const snake = (text: string): string => text.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
    const camel = (text: string): string => text.replace(/_(\w)/g, (_, c: string) => c.toUpperCase());
    const own = (extra: Partial<Knex.Config> = {}): Knex =>
      knex({
        client: 'pg',
        connection: b.database.connectionString,
        pool: { min: 0, max: 2 },
        wrapIdentifier: (value, original) => original(value === '*' ? value : snake(value)),
        postProcessResponse: (result: unknown) =>
          Array.isArray(result) ? result.map((row: Record<string, unknown>) => Object.fromEntries(Object.entries(row).map(([k, v]) => [camel(k), v]))) : result,
        ...extra,
      });

    it('its names and rows are mapped, its listeners told, and it is not destroyed', async () => {
      const instance = own();
      const seen: string[] = [];
      instance.on('query', ({ sql: text }: { sql: string }) => seen.push(text));
      await using mine = await bench({ database: instance });
      expect([mine.connections.ownKnex, mine.connections.perTransactionFence, mine.connections.poolerSuspected]).deep.equal([false, true, false]);
      await transact(mine.connections, async () => {
        await db('snake').insert({ theId: 1, longName: 'one' });
        expect(await db('snake').where({ theId: 1 })).deep.equal([{ theId: 1, longName: 'one' }]);
        await db.transaction(async (trx) => trx('snake').insert({ theId: 2 }));
      });
      expect(seen).include('insert into "snake" ("long_name", "the_id") values ($1, $2)');
      await mine.connections.close();
      expect(
        await instance('snake')
          .count('* as n')
          .then((rows: unknown) => (rows as { n: string }[])[0]?.n),
      ).equal('2');
      await instance.destroy();
    });

    it('a pool of pg that is shared gives the engine its part; one that is too small is refused', async () => {
      const pool = new pg.Pool({ connectionString: b.database.connectionString, max: 5 });
      const instance = knex({ client: 'pg', connectionPool: pool as never });
      await using mine = await bench({ database: instance });
      const { connections } = mine;
      await transact(connections, () => db('item').insert({ id: 900 }) as unknown as Promise<unknown>);
      await useAll(connections);
      await connections.close();
      expect(pool.totalCount).most(5);
      await pool.end();
      const small = new pg.Pool({ connectionString: b.database.connectionString, max: 3 });
      const error = await rejected(bench({ database: knex({ client: 'pg', connectionPool: small as never }) }));
      expect([error.code, error.message.includes('3 connections')]).deep.equal(['CONFIG', true]);
      await small.end();
    });
  });
});

async function useAll(connections: Connections): Promise<void> {
  const held: Connection[] = await Promise.all([connections.acquireSystem(), connections.dedicated('journal'), connections.acquireUser()]);
  for (const connection of held) expect((await connection.fly([{ text: 'select 1 as n' }]))[0]?.rows).deep.equal([{ n: 1 }]);
  for (const connection of held) connection.release();
}

function bound<T>(code: () => T): () => T {
  return AsyncResource.bind(code);
}
