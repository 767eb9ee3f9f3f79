import { db } from '@apiary/core';
import { Connections } from '@apiary/core/internal';
import { createHook } from 'node:async_hooks';
import { expect } from 'chai';
import knex, { type Knex } from 'knex';
import { bench, rejected, transact, type Bench } from '../support/connections.js';

interface Emitter {
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  removeListener(event: string, listener: (...args: unknown[]) => void): unknown;
}
type Builder = Emitter & PromiseLike<unknown>;
type Make = (k: Knex) => unknown;

const events = ['start', 'query', 'query-response', 'query-error', 'end', 'error'];
const undo = new Error('undo');

/** What a builder gives and what its listeners, and those of its Knex instance, are told. */
async function observed(k: Knex, instance: Knex, make: Make): Promise<unknown> {
  const told: unknown[] = [];
  const builder = make(k) as Builder;
  const undone: (() => void)[] = [];
  for (const [whose, emitter] of Object.entries({ builder, instance: instance as unknown as Emitter })) {
    for (const event of events) {
      // Beside listeners of errors Knex tells of them twice.
      const listener = (...args: unknown[]): void => void told.push([whose, event, ...args.map((arg) => (arg === builder ? 'the builder' : shown(arg)))]);
      emitter.on(event, listener);
      undone.push(() => emitter.removeListener(event, listener));
    }
  }
  const outcome = await settled(builder);
  for (const end of undone) end();
  return { told, outcome };
}

async function settled(promise: PromiseLike<unknown>): Promise<unknown> {
  return promise.then(
    (value) => ({ value: shown(value) }),
    (error: unknown) => ({ error: shown(error) }),
  );
}

/** Without what differs from run to run. */
function shown(value: unknown): unknown {
  if (value instanceof Error) return { name: value.name, message: value.message.replaceAll(/trx\d+/g, 'trx'), code: (value as { code?: string }).code };
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return value;
  if ('rows' in value && 'tenant' in value) return { ...value, rows: shown(value.rows) };
  if ('rows' in value && 'command' in value) {
    const { command, rowCount, rows } = value as { command: string; rowCount: number | null; rows: unknown };
    return { command, rowCount: rowCount ?? 0, rows };
  }
  if (!('sql' in value)) return value instanceof Promise ? 'a promise' : value;
  const ids = ['__knexUid', '__knexTxId', '__knexQueryUid'];
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, of]): [string, unknown] => [key, ids.includes(key) ? typeof of : key === 'response' || typeof of === 'function' ? shown(of) : of])
      .filter(([, of]) => of !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

describe('a builder in a transaction', () => {
  let b: Bench;
  before(async () => {
    b = await bench({}, 'create table thing (id int primary key, name text, tags text[], data jsonb)');
    await b.admin.query(`insert into thing select g, 'n' || g from generate_series(1, 9) g`);
  });
  after(async () => b[Symbol.asyncDispose]());

  const instanceOf = (config: Partial<Knex.Config>): Knex =>
    knex({ client: 'pg', connection: b.database.connectionString, pool: { min: 0, max: 2 }, log: { warn: () => {}, error: () => {} }, ...config });

  /** In a transaction of Knex alone; all transactions of this test are rolled back. */
  async function inKnex<T>(config: Partial<Knex.Config>, body: (k: Knex, instance: Knex) => Promise<T>): Promise<T> {
    const instance = instanceOf(config);
    try {
      let value: T | undefined;
      const error = await rejected(
        instance.transaction(async (trx) => {
          value = await body(trx, instance);
          throw undo;
        }),
      );
      expect(error).equal(undo);
      return value as T;
    } finally {
      await instance.destroy();
    }
  }

  async function inOurs<T>(config: Partial<Knex.Config>, body: (k: Knex, instance: Knex) => Promise<T>): Promise<T> {
    const instance = instanceOf(config);
    const connections = await Connections.open({ database: instance, poolSize: 1, systemSize: 1, applicationName: 'apiary test' });
    try {
      let value: T | undefined;
      const error = await rejected(
        transact(connections, async () => {
          value = await body(db, instance);
          throw undo;
        }),
      );
      expect(error).equal(undo);
      return value as T;
    } finally {
      await connections.close();
      await instance.destroy();
    }
  }

  async function same(make: Make, config: Partial<Knex.Config> = {}): Promise<unknown> {
    const body = (k: Knex, instance: Knex): Promise<unknown> => observed(k, instance, make);
    const expected = await inKnex(config, body);
    expect(await inOurs(config, body)).deep.equal(expected);
    return expected;
  }

  const cases: Readonly<Record<string, Make>> = {
    rows: (k) => k('thing').where('id', '<', 3).orderBy('id'),
    first: (k) => k('thing').where({ id: 4 }).first('name'),
    'first of none': (k) => k('thing').where({ id: 400 }).first('name'),
    pluck: (k) => k('thing').orderBy('id').pluck('name'),
    'count of an update': (k) => k('thing').where('id', '>', 5).update({ name: 'x' }),
    'count of a delete': (k) => k('thing').where('id', '>', 5).del(),
    'an insert that returns nothing': (k) => k('thing').insert({ id: 50 }),
    'an insert that returns': (k) => k('thing').insert({ id: 50, name: 'fifty' }).returning(['id', 'name']),
    'several rows': (k) =>
      k('thing')
        .insert([{ id: 50 }, { id: 51, name: 'x' }])
        .returning('id'),
    'arrays and objects as values': (k) =>
      k('thing')
        .insert({ id: 50, tags: ['a', 'b'], data: { c: 1 } })
        .returning('*'),
    truncate: (k) => k('thing').truncate(),
    raw: (k) => k.raw('select ?::int + 1 as n', [1]),
    'raw with names': (k) => k.raw('select :a::int as :b:', { a: 1, b: 'n' }),
    'a question mark that is none': (k) => k('thing').whereRaw(`data \\? 'x'`).count('* as n'),
    'rows as arrays': (k) => k('thing').where('id', 1).select('id', 'name').options({ rowMode: 'array' }),
    'the columns of a table': (k) => k('thing').columnInfo(),
    'whether a table exists': (k) => k.schema.hasTable('thing'),
    'a schema of one statement': (k) => k.schema.dropTable('thing'),
    'a schema of several statements': (k) =>
      k.schema.createTable('other', (table) => void table.integer('id').primary()).alterTable('other', (table) => void table.text('name').index()),
    'a time limit that is not reached': (k) => k('thing').where('id', 1).timeout(60_000, { cancel: true }),
    'a context': (k) => k('thing').where('id', 1).queryContext({ tenant: 7 }),
    'an error of the server': (k) => k('thing').insert({ id: 1, name: "it's" }),
    'an error of the server in raw': (k) => k.raw('select 1 / ?::int', [0]),
    'an error of the server in a schema': (k) => k.schema.dropTable('nothing').createTable('other', (table) => void table.integer('id')),
    'an error of Knex': (k) => k('thing').where('id', undefined as never),
    'an error of Knex in raw': (k) => k.raw('select ?', [1, 2] as never),
    'a connection that is not that of the transaction': (k) => k('thing').connection({} as never),
    'an empty statement': (k) => k.raw(''),
  };
  const configs: Readonly<Record<string, Partial<Knex.Config>>> = {
    'a plain config': {},
    'names and rows mapped by context': {
      wrapIdentifier: (name, original, context?: { tenant?: number }) => original(name === 'n' && context?.tenant === 7 ? 'seven' : name),
      postProcessResponse: (result: unknown, context?: { tenant?: number }) => (Array.isArray(result) ? { rows: result, tenant: context?.tenant } : result),
    },
    'statements out of the errors': { compileSqlOnError: false },
  };
  for (const [config, value] of Object.entries(configs)) {
    describe(`with ${config}: gives what Knex gives, and its listeners are told the same, for`, () => {
      for (const [name, make] of Object.entries(cases)) it(name, () => same(make, value));
    });
  }

  it('a time limit that is reached: the same error', async () => {
    const body = async (k: Knex): Promise<unknown> => settled(k.raw('select pg_sleep(60)').timeout(20, { cancel: true }));
    const expected = await inKnex({}, body);
    expect(expected).deep.equal({
      error: { name: 'KnexTimeoutError', message: 'Defined query timeout of 20ms exceeded when running query.', code: undefined },
    });
    expect(await inOurs({}, body)).deep.equal(expected);
  });

  describe('with a postProcessResponse that', () => {
    const fail = new Error('processing');
    for (const [name, process] of Object.entries<(result: unknown) => unknown>({
      throws: () => {
        throw fail;
      },
      'gives a promise': (result) => Promise.resolve([result]),
      'gives a promise that is rejected': () => Promise.reject(fail),
    })) {
      it(`${name}: the same as Knex`, () => same((k) => k('thing').where('id', 1), { postProcessResponse: process }));
    }
  });

  it('listeners get copies: what they change is not sent', async () => {
    const value = await inOurs({}, async (k, instance) => {
      instance.on('query', (query: { sql: string }) => (query.sql = 'select 1 as changed'));
      return k('thing')
        .where('id', 1)
        .first('id')
        .on('query', (query: { sql: string }) => (query.sql = 'select 1 as changed'));
    });
    expect(value).deep.equal({ id: 1 });
  });

  it('callbacks, catch and finally', async () => {
    const body = async (k: Knex): Promise<unknown> => {
      const called = await new Promise((resolve) => {
        void (k('thing').where('id', 1).first('id') as unknown as { asCallback(done: (...args: unknown[]) => void): unknown }).asCallback((...args) =>
          resolve(args),
        );
      });
      let last = 0;
      const finished = await k('thing')
        .where('id', 2)
        .first('id')
        .finally(() => void last++);
      const caught = await k('nowhere').catch((error: { code: string }) => error.code);
      return [called, finished, caught, last];
    };
    const expected = await inKnex({}, body);
    expect(expected).deep.equal([[null, { id: 1 }], { id: 2 }, '42P01', 1]);
    expect(await inOurs({}, body)).deep.equal(expected);
  });

  it('is sent again each time that it is awaited', async () => {
    const seen = await inOurs({}, async (k, instance) => {
      const texts: string[] = [];
      instance.on('query', ({ sql }: { sql: string }) => texts.push(sql));
      const builder = k('thing').where('id', 1).increment('id', 100).returning('id');
      return [await builder, await builder, await k('thing').where('id', 101).update({ id: 1 }), await builder, texts.length];
    });
    expect(seen).deep.equal([[{ id: 101 }], [], 1, [{ id: 101 }], 4]);
  });

  it('statements of one moment are sent in their order', async () => {
    const names = await inOurs({}, async (k) => {
      await Promise.all([
        k('thing').insert({ id: 60, name: 'a' }),
        k('thing').where('id', 60).update({ name: 'b' }),
        k.raw(`update thing set name = name || 'c' where id = 60`),
      ]);
      return k('thing').where('id', 60).pluck('name');
    });
    expect(names).deep.equal(['bc']);
  });

  it('a nested transaction has its savepoint, its events and its end', async () => {
    const body = async (k: Knex, instance: Knex): Promise<unknown> => {
      const told: unknown[] = [];
      instance.on('query', ({ sql }: { sql: string }) => told.push(sql.replaceAll(/trx\d+/g, 'trx')));
      const trx = await k.transaction();
      const nested = await observed(trx, instance, (inner) => inner('thing').where('id', 1));
      await trx('thing').insert({ id: 70 });
      await trx.commit();
      // Its savepoint is gone: what still goes through it must not be sent.
      const late = await settled(trx('thing').insert({ id: 71 }));
      const ids = await k('thing').where('id', '>=', 70).pluck('id');
      return { told: [...told], nested, late, ids };
    };
    const expected = (await inKnex({}, body)) as { late: { error: { message: string } }; ids: number[] };
    expect([expected.late.error.message.includes('Transaction query already complete'), expected.ids]).deep.equal([true, [70]]);
    expect(await inOurs({}, body)).deep.equal(expected);
  });

  it('with asyncStackTraces an error shows where the builder was made', async () => {
    const stack = await inOurs({ asyncStackTraces: true }, async function theUserOfIt(k) {
      return k('nowhere').catch((error: Error) => error.stack);
    });
    expect(stack).include('theUserOfIt');
  });

  it('debug logs what is sent', async () => {
    const body = async (k: Knex): Promise<void> => void (await k('thing').where('id', 1).debug(true));
    const logs: unknown[] = [];
    const log = { warn: () => {}, error: () => {}, debug: (query: { sql: string; bindings: unknown }) => logs.push([query.sql, query.bindings]) };
    await inKnex({ log: log as never }, body);
    await inOurs({ log: log as never }, body);
    expect(logs).deep.equal([logs[0], logs[0]]);
  });

  it('takes few promises, which all cost the hooks of the async context; also in a nested transaction', async () => {
    let promises = 0;
    const hook = createHook({ init: (_id, type) => void (type === 'PROMISE' && promises++) });
    const count = async (builder: () => PromiseLike<unknown>): Promise<number> => {
      await builder();
      hook.enable();
      promises = 0;
      await builder();
      hook.disable();
      return promises;
    };
    const counts = await inOurs({}, async (k) => {
      const insert = (trx: Knex) => () => trx('thing').insert({ id: 50 }).onConflict('id').ignore();
      return [await count(insert(k)), await k.transaction((trx) => count(insert(trx)))];
    });
    expect(counts).deep.equal([6, 6]);
  });

  it("a dialect of the user's answers for itself", async () => {
    const Pg = instanceOf({}).client.constructor as new (config: object) => { processResponse(query: unknown, runner: unknown): unknown };
    class Own extends Pg {
      override processResponse(query: unknown, runner: unknown): unknown {
        return Promise.resolve(super.processResponse(query, runner)).then((rows) => ({ rows }));
      }
    }
    const value = await inOurs({ client: Own as never }, async (k) => k('thing').where('id', 1).first('id'));
    expect(value).deep.equal({ rows: { id: 1 } });
  });
});
