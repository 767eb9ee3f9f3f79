import { classify, Connections, isInfrastructure, type Connection } from '@apiary/core/internal';
import { sql } from '@apiary/core';
import { killBackend, PoolingProxy, TcpProxy, testServer, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import type { Knex } from 'knex';
import { createServer } from 'node:net';
import { bench, lent, rejected, transact, type Bench } from '../support/connections.js';

describe('connections', () => {
  let b: Bench;
  const opened: Connection[] = [];
  before(async () => {
    b = await bench({ onOpen: async (connection) => void opened.push(connection) }, 'create table t (id int primary key)');
  });
  after(async () => b[Symbol.asyncDispose]());

  const setting = async (c: Connection, name: string): Promise<unknown> =>
    (await c.fly([{ text: 'select current_setting($1) as v', values: [name] }]))[0]?.rows[0]?.['v'];

  it('5 000 callers share a pool of 3, in the order in which they came', async () => {
    const order: number[] = [];
    let most = 0;
    for (const connection of await Promise.all([1, 2, 3].map(() => b.connections.acquireUser()))) connection.release();
    await Promise.all(
      Array.from({ length: 5000 }, async (_, i) => {
        await lent(b.connections, async (connection) => {
          order.push(i);
          most = Math.max(most, b.connections.gauges.userLeased);
          if (i % 100 === 0) await connection.fly([{ text: 'select 1' }]);
          else await new Promise<void>((resolve) => queueMicrotask(resolve));
        });
      }),
    );
    expect(order).deep.equal(Array.from({ length: 5000 }, (_, i) => i));
    expect([most, b.connections.gauges.userLeased, b.connections.gauges.userWaiting]).deep.equal([3, 0, 0]);
  });

  it('whoever gives up waiting takes no connection', async () => {
    const held = await Promise.all([1, 2, 3].map(() => b.connections.acquireUser()));
    const controller = new AbortController();
    const waiting = rejected(b.connections.acquireUser(controller.signal));
    const next = b.connections.acquireUser();
    controller.abort(new Error('enough'));
    expect((await waiting).message).equal('enough');
    held[0]?.release();
    (await next).release();
    for (const connection of held.slice(1)) connection.release();
    expect(b.connections.gauges.userLeased).equal(0);
    expect((await rejected(b.connections.acquireUser(controller.signal))).message).equal('enough');
  });

  it('callers of app.knex are not starved by transactions that pass connections on', async () => {
    let stop = false;
    const busy = Promise.all(
      [1, 2, 3, 4, 5, 6].map(async () => {
        while (!stop) await lent(b.connections, (connection) => connection.fly([{ text: 'select 1' }]));
      }),
    );
    for (let i = 0; i < 20; i++) expect(await b.connections.knex.raw<{ rows: unknown[] }>('select 1 as n').then((r) => r.rows)).deep.equal([{ n: 1 }]);
    stop = true;
    await busy;
  });

  it('every connection is opened once before its first use, and set up', async () => {
    const before = opened.length;
    const held = await Promise.all([b.connections.acquireUser(), b.connections.acquireSystem(), b.connections.dedicated('journal')]);
    for (const connection of held) {
      expect(opened.filter((c) => c === connection)).length(1);
      expect(await setting(connection, 'synchronous_commit')).equal('on');
      expect(await setting(connection, 'application_name')).equal('apiary test');
      expect(connection.pid).equal(connection.client.processID);
    }
    expect(held.map((c) => c.kind)).deep.equal(['user', 'system', 'journal']);
    for (const connection of held) connection.release();
    const again = await b.connections.acquireUser();
    expect(opened.filter((c) => c === again)).length(1);
    again.release();
    expect(opened.length).most(before + 3);
  });

  it("the engine reads committed and waits for the disk, whatever the server's defaults are", async () => {
    await b.admin.query(
      `alter database ${b.database.name} set default_transaction_isolation = 'serializable'; alter database ${b.database.name} set synchronous_commit = off`,
    );
    try {
      await using other = await bench({ database: b.database.connectionString });
      for (const connection of [await other.connections.acquireSystem(), await other.connections.dedicated('journal')]) {
        expect([await setting(connection, 'transaction_isolation'), await setting(connection, 'synchronous_commit')]).deep.equal(['read committed', 'on']);
        connection.release();
      }
    } finally {
      await b.admin.query(`alter database ${b.database.name} reset all`);
    }
  });

  it('an opening that fails gives no connection and leaks no place', async () => {
    let fail = true;
    await using other = await bench({
      database: b.database.connectionString,
      poolSize: 1,
      onOpen: async (connection) => {
        if (fail && connection.kind === 'user') throw new Error('not today');
      },
    });
    const errors = await Promise.all([1, 2, 3].map(() => rejected(other.connections.acquireUser())));
    for (const error of errors) expect([error.message, classify(error)]).deep.equal(['not today', 'unavailable']);
    fail = false;
    (await other.connections.acquireUser()).release();
  });

  it('40 backends killed in the middle of transactions leave no place taken', async () => {
    for (let i = 0; i < 40; i++) {
      const error = await rejected(
        transact(b.connections, async ({ connection }) => {
          await sql`select 1`;
          expect(await killBackend(b.admin, connection.pid)).equal(true);
          await sql`select 1`;
        }),
      );
      expect(classify(error)).equal('connection');
    }
    expect(b.connections.gauges.userLeased).equal(0);
    expect((b.connections.knex.client as { pool: { numUsed(): number } }).pool.numUsed()).equal(0);
    await transact(b.connections, () => sql`select 1`);
  }).timeout(60_000);

  it('a connection lost while it is idle is told to its owner, and not lent again', async () => {
    const journal = await b.connections.dedicated('journal');
    const lost = new Promise<Error>((resolve) => journal.onLost(resolve));
    await killBackend(b.admin, journal.pid);
    expect(classify(await lost)).equal('connection');
    expect(journal.lost).equal(true);
    expect(classify(await rejected(journal.fly([{ text: 'select 1' }])))).equal('connection');
    journal.destroy();
    const idle = await b.connections.acquireUser();
    idle.release();
    await killBackend(b.admin, idle.pid);
    await until('it is known', () => idle.lost);
    const next = await b.connections.acquireUser();
    expect(next.lost).equal(false);
    next.release();
  });

  it('what waits behind a flight on a lost connection fails too', async () => {
    const connection = await b.connections.dedicated('journal');
    const flights = [1, 2, 3].map(() => rejected(connection.fly([{ text: 'select pg_sleep(60)' }])));
    await until(
      'it sleeps',
      async () => (await b.admin.query(`select from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'`, [connection.pid])).rowCount === 1,
    );
    await killBackend(b.admin, connection.pid);
    for (const error of await Promise.all(flights)) {
      expect([classify(error), (error as { pid?: number }).pid]).deep.equal(['connection', connection.pid]);
    }
    connection.destroy();
  });

  it('a connection given back in a transaction, or busy, is ended', async () => {
    const open = await b.connections.acquireSystem();
    await open.fly([{ text: 'begin' }]);
    open.release();
    expect(open.lost).equal(true);
    const busy = await b.connections.acquireSystem();
    const flight = rejected(busy.fly([{ text: 'select pg_sleep(60)' }]));
    busy.release();
    expect(classify(await flight)).equal('connection');
    busy.release();
    expect(b.connections.gauges.systemLeased).equal(0);
  });

  it('after renew only connections are lent that were opened after it', async () => {
    const old = await b.connections.acquireUser();
    const idle = await b.connections.acquireUser();
    idle.release();
    await new Promise((resolve) => setImmediate(resolve));
    const before = new Set(opened);
    await b.connections.renew();
    const next = await Promise.all([b.connections.acquireUser(), b.connections.acquireUser()]);
    for (const connection of next) expect(before.has(connection)).equal(false);
    expect(old.lost).equal(false);
    old.release();
    expect(old.lost).equal(true);
    for (const connection of next) connection.release();
  });

  it('a half-open socket is given up at the deadline of a flight', async () => {
    const target = new URL(b.database.connectionString);
    await using proxy = await TcpProxy.start({ target: { host: target.hostname, port: Number(target.port) } });
    await using other = await bench({ database: proxy.connectionString(target.href) });
    const connection = await other.connections.dedicated('journal');
    const rule = proxy.add({ on: 'request', is: () => true, fault: { kind: 'black hole' } });
    const error = await rejected(connection.fly([{ text: 'select 1' }], { deadlineMs: 200 }));
    expect(rule.hits, 'the fault happened').length(1);
    expect([classify(error), connection.lost]).deep.equal(['connection', true]);
    connection.destroy();
    rule.remove();
    await other.connections.close();
  });

  it('knows a transaction pooler, sends no names through it and counts on no session', async () => {
    const target = new URL(b.database.connectionString);
    await using proxy = await PoolingProxy.start({
      target: { host: target.hostname, port: Number(target.port), password: decodeURIComponent(target.password) },
      size: 2,
    });
    await using other = await bench({ database: proxy.connectionString(target.href) });
    expect([other.connections.poolerSuspected, other.connections.perTransactionFence]).deep.equal([true, true]);
    const pids = new Set<number>();
    for (let i = 0; i < 10; i++) {
      await Promise.all(
        [1, 2, 3].map(async (n) => {
          const value = await transact(
            other.connections,
            async ({ connection }) => {
              const row = await sql<{ n: number }>`select ${n}::int as n`.one();
              pids.add(connection.pid);
              return row;
            },
            {
              begin: [
                { name: 'b', text: 'begin' },
                { name: 'f', text: 'select pg_backend_pid() as pid' },
              ],
            },
          );
          expect(value).deep.equal({ n });
        }),
      );
    }
    expect(pids.size).within(1, 2);
    await other.connections.close();
  });

  describe('that cannot be opened', () => {
    const open = (database: string | Knex.Config): Promise<Error & { code?: string; details?: Record<string, unknown> }> =>
      rejected(Connections.open({ database, poolSize: 1, systemSize: 1, applicationName: 'apiary test' }));
    const secret = 'hush-hush';
    const silent = (error: Error): void => {
      for (let e: unknown = error; e instanceof Error; e = e.cause) expect(`${e.message} ${e.stack} ${JSON.stringify(e)}`).not.include(secret);
    };

    it('nobody listens: DATABASE_UNREACHABLE with host, port, user and what to do, without the password', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as { port: number };
      await new Promise((resolve) => server.close(resolve));
      for (const database of [
        `postgres://someone:${secret}@127.0.0.1:${port}/db`,
        { client: 'pg', connection: { host: '127.0.0.1', port, user: 'someone', password: secret, database: 'db' } },
        { client: 'pg', connection: async () => ({ host: '127.0.0.1', port, user: 'someone', password: secret, database: 'db' }) },
      ]) {
        const error = await open(database);
        expect([error.code, error.details]).deep.equal(['DATABASE_UNREACHABLE', { host: '127.0.0.1', port, user: 'someone' }]);
        expect(error.message).include(`127.0.0.1:${port}`).and.include('DATABASE_URL');
        silent(error);
      }
    });

    it('no such host', async () => {
      const error = await open(`postgres://someone:${secret}@no-such-host.invalid/db`);
      expect(error.code).equal('DATABASE_UNREACHABLE');
      silent(error);
    });

    it('no such database, or not let in: CONFIG', async () => {
      const url = new URL(await testServer());
      url.pathname = '/no_such_database';
      const missing = await open(url.href);
      expect([missing.code, missing.message.includes('no_such_database')]).deep.equal(['CONFIG', true]);
      if (url.password !== '') {
        url.password = secret;
        const wrong = await open(url.href);
        expect(['CONFIG', 'DATABASE_UNREACHABLE']).include(wrong.code);
        silent(wrong);
      }
    });

    it('another driver: CONFIG', async () => {
      const error = await open({ client: 'better-sqlite3', connection: { filename: ':memory:' } });
      expect(error.code).equal('CONFIG');
    });

    it('a function that gives the connection settings is asked, and its connections work', async () => {
      let asked = 0;
      const url = new URL(b.database.connectionString);
      const connection = async () => {
        asked++;
        return { host: url.hostname, port: Number(url.port), user: url.username, password: decodeURIComponent(url.password), database: b.database.name };
      };
      await using other = await bench({ database: { client: 'pg', connection } });
      expect(await transact(other.connections, () => sql`select 1 as n`)).deep.equal([{ n: 1 }]);
      expect([asked > 0, other.connections.host, other.connections.port]).deep.equal([true, url.hostname, Number(url.port)]);
    });
  });

  it('after close everybody is refused, as infrastructure', async () => {
    const other = await bench({ database: b.database.connectionString, poolSize: 1 });
    const held = await other.connections.acquireUser();
    const waiting = rejected(other.connections.acquireUser());
    await other.connections.close();
    for (const error of [await waiting, await rejected(other.connections.acquireUser()), await rejected(other.connections.acquireSystem())]) {
      expect([error.code, isInfrastructure(error)]).deep.equal(['SHUTTING_DOWN', true]);
    }
    expect(held.lost).equal(true);
    await other[Symbol.asyncDispose]();
  });
});
