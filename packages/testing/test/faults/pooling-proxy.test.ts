import { PoolingProxy, until, type PoolingProxyOptions } from '@apiary/testing/internal';
import { expect } from 'chai';
import type pg from 'pg';
import { connect, failure, freshDatabase, pending, target, wire } from './support/server.js';

describe('a transaction pooler', () => {
  let url: string;
  let direct: pg.Client;
  let pooler: PoolingProxy | undefined;

  before(async () => {
    url = await freshDatabase();
  });
  beforeEach(async () => {
    direct = await connect(url);
    await direct.query('drop table if exists t');
    await direct.query('create table t (id integer)');
  });
  afterEach(async () => {
    await pooler?.stop();
    pooler = undefined;
  });

  const start = async (options: Partial<PoolingProxyOptions> = {}): Promise<PoolingProxy> =>
    (pooler = await PoolingProxy.start({ target: target(), ...options }));
  const clients = async (proxy: PoolingProxy, count: number): Promise<pg.Client[]> => {
    const all: pg.Client[] = [];
    for (let i = 0; i < count; i++) all.push(await connect(proxy.connectionString(url), { application_name: `client ${i}` }));
    return all;
  };
  const one = async (client: pg.Client, text: string): Promise<unknown> => {
    const { rows } = await client.query<{ v: unknown }>(`select ${text} as v`);
    return rows[0]?.v;
  };

  it('serves many clients over few connections, and tells them a pid of its own', async () => {
    const proxy = await start({ size: 2 });
    const all = await clients(proxy, 6);
    const pids = await Promise.all(all.map((client) => one(client, 'pg_backend_pid()')));
    expect(new Set(pids).size).to.be.at.most(2);
    expect([...proxy.serverPids]).to.include.members([...new Set(pids)] as number[]);
    for (const client of all) expect(proxy.serverPids).to.not.include(wire(client).processID);
    expect(new Set(all.map((client) => wire(client).processID)).size).to.equal(6);
  });

  it('keeps a server connection for a transaction, and lets others wait for it', async () => {
    const proxy = await start({ size: 1 });
    const [a, b] = (await clients(proxy, 2)) as [pg.Client, pg.Client];
    await a.query('begin');
    const pid = await one(a, 'pg_backend_pid()');
    await a.query('insert into t values (1)');
    const waiting = b.query('select count(*)::int as v from t');
    await until('the second client waits', () => proxy.waiting === 1);
    expect(await one(a, 'pg_backend_pid()')).to.equal(pid);
    expect(await pending(waiting)).to.equal(true);
    await a.query('commit');
    expect((await waiting).rows[0].v).to.equal(1);
  });

  it('gives one session lock to every client', async () => {
    const proxy = await start({ size: 1 });
    const all = await clients(proxy, 4);
    for (const client of all) expect(await one(client, 'pg_try_advisory_lock(42)')).to.equal(true);
    expect(await one(direct, 'pg_try_advisory_lock(42)')).to.equal(false);
  });

  it('leaves the state of a session to the next client', async () => {
    const proxy = await start({ size: 1 });
    const [a, b] = (await clients(proxy, 2)) as [pg.Client, pg.Client];
    await a.query(`set statement_timeout = '54321ms'`);
    await a.query('create temporary table leaked (id integer)');
    expect(await one(b, `current_setting('statement_timeout')`)).to.equal('54321ms');
    expect(await one(b, `to_regclass('leaked') is not null`)).to.equal(true);
  });

  it('takes the name of a client along, and leaves it on the connection', async () => {
    const proxy = await start({ size: 1 });
    const [a, b] = (await clients(proxy, 2)) as [pg.Client, pg.Client];
    const name = `current_setting('application_name')`;
    expect([await one(a, name), await one(b, name), await one(a, name)]).to.deep.equal(['client 0', 'client 1', 'client 0']);
    await b.query(`set application_name = 'renamed'`);
    expect([await one(a, name), await one(b, name)]).to.deep.equal(['client 0', 'renamed']);
    const { rows } = await direct.query('select application_name from pg_stat_activity where pid = any($1)', [proxy.serverPids]);
    expect(rows).to.deep.equal([{ application_name: 'renamed' }]);
  });

  it('loses notifications to a listener that holds no connection', async () => {
    const proxy = await start({ size: 1 });
    const [a] = (await clients(proxy, 1)) as [pg.Client];
    const heard: string[] = [];
    a.on('notification', ({ channel }) => heard.push(channel));
    await a.query('listen c');
    const witness = new Promise<void>((resolve) => direct.once('notification', () => resolve()));
    await direct.query('listen c');
    const other = await connect(url);
    await other.query('notify c');
    await witness;
    await other.query('notify d');
    await until('the listener at the pooler has had its turn', async () => (await one(direct, `pg_notification_queue_usage()`)) === 0);
    expect(heard).to.deep.equal([]);
  });

  it('without tracking, lets names of prepared statements collide and go missing', async () => {
    const proxy = await start({ size: 1 });
    const [a, b] = (await clients(proxy, 2)) as [pg.Client, pg.Client];
    const named = { name: 's', text: 'select $1::int as v', values: [1] };
    await a.query(named);
    expect((await failure(b.query(named))).code).to.equal('42P05');
    proxy.reconnect();
    expect((await failure(a.query(named))).code).to.equal('26000');
  });

  it('with tracking, prepares a statement on each connection that needs it', async () => {
    const proxy = await start({ size: 2, trackPrepared: true });
    const all = await clients(proxy, 5);
    for (let round = 0; round < 4; round++) {
      // the same name stands for another text with each client
      const found = await Promise.all(
        all.map(async (client, i) => (await client.query({ name: 's', text: `select $1::int + ${i} as v`, values: [round] })).rows[0].v),
      );
      expect(found).to.deep.equal(all.map((_, i) => round + i));
    }
    proxy.reconnect();
    expect((await all[3]?.query({ name: 's', text: 'select $1::int + 3 as v', values: [1] }))?.rows[0].v).to.equal(4);
  });

  it('with tracking, an error in the middle confuses nobody', async () => {
    const proxy = await start({ size: 1, trackPrepared: true });
    const [a, b] = (await clients(proxy, 2)) as [pg.Client, pg.Client];
    const broken = { name: 'broken', text: 'select * from later where id = $1', values: [1] };
    expect((await failure(a.query(broken))).code).to.equal('42P01');
    const dividing = { name: 'd', text: 'select 1 / $1::int as v' };
    expect((await failure(a.query({ ...dividing, values: [0] }))).code).to.equal('22012');
    expect((await a.query({ ...dividing, values: [1] })).rows[0].v).to.equal(1);
    expect((await b.query({ ...dividing, values: [1] })).rows[0].v).to.equal(1);
    await direct.query('create table later (id integer)');
    expect((await b.query(broken)).rowCount).to.equal(0);
  });

  it('rolls back what a client leaves behind', async () => {
    const proxy = await start({ size: 1 });
    const [a, b] = (await clients(proxy, 2)) as [pg.Client, pg.Client];
    await a.query('begin');
    await a.query('insert into t values (1)');
    const pid = await one(a, 'pg_backend_pid()');
    wire(a).connection.stream.destroy();
    expect((await b.query('select count(*)::int as v, pg_backend_pid() as pid from t')).rows[0].v).to.equal(0);
    expect(proxy.serverPids).to.not.include(pid);
  });

  it('tells a client that its server connection is gone, and serves the next', async () => {
    const proxy = await start({ size: 1 });
    const [a, b] = (await clients(proxy, 2)) as [pg.Client, pg.Client];
    await a.query('begin');
    const pid = await one(a, 'pg_backend_pid()');
    const query = failure(a.query('select pg_sleep(60)'));
    await until(
      'the statement runs',
      async () => (await direct.query(`select from pg_stat_activity where pid = $1 and query like '%pg_sleep%'`, [pid])).rowCount === 1,
    );
    await direct.query('select pg_terminate_backend($1)', [pid]);
    expect((await query).code).to.equal('57P01');
    expect(await one(b, '1')).to.equal(1);
  });

  it('passes a cancel request on to the backend of the moment', async () => {
    const proxy = await start({ size: 2 });
    const [a] = (await clients(proxy, 1)) as [pg.Client];
    const query = failure(a.query('select pg_sleep(60)'));
    await until(
      'the statement runs',
      async () => (await direct.query(`select from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'`)).rowCount === 1,
    );
    const { connect: open } = await import('node:net');
    const request = Buffer.alloc(16);
    [16, 80877102, wire(a).processID, wire(a).secretKey].forEach((value, i) => request.writeInt32BE(value | 0, i * 4));
    open(proxy.port, proxy.host).end(request).resume();
    expect((await query).code).to.equal('57014');
    expect(await one(a, '1')).to.equal(1);
  });

  it('pauses between transactions, and goes on', async () => {
    const proxy = await start({ size: 2 });
    const [a, b] = (await clients(proxy, 2)) as [pg.Client, pg.Client];
    await a.query('begin');
    const paused = proxy.pause();
    await a.query('insert into t values (1)');
    expect(await pending(paused)).to.equal(true);
    await a.query('commit');
    await paused;
    const waiting = one(b, '1');
    await until('the query waits', () => proxy.waiting === 1);
    expect(await pending(waiting)).to.equal(true);
    proxy.resume();
    expect(await waiting).to.equal(1);
  });

  it('replaces its server connections on demand', async () => {
    const proxy = await start({ size: 1 });
    const [a] = (await clients(proxy, 1)) as [pg.Client];
    const old = await one(a, 'pg_backend_pid()');
    proxy.reconnect();
    expect(await one(a, 'pg_backend_pid()')).to.not.equal(old);
  });

  it('refuses startup parameters that it does not know', async () => {
    const proxy = await start();
    const error = await failure(connect(proxy.connectionString(url), { options: '-c work_mem=1MB' }));
    expect(error.code).to.equal('08P01');
    expect(error.message).to.contain('unsupported startup parameter: options');
  });

  it('tells why no server connection could be made', async () => {
    const proxy = await start();
    const nowhere = new URL(url);
    nowhere.pathname = '/absent';
    expect((await failure(connect(proxy.connectionString(nowhere.href)))).message).to.contain('absent');
  });

  it('ends without leaving a connection', async () => {
    const proxy = await start({ size: 3 });
    const all = await clients(proxy, 3);
    await Promise.all(all.map((client) => client.query('begin')));
    const pids = [...proxy.serverPids];
    expect(pids).to.have.length(3);
    await proxy.stop();
    pooler = undefined;
    await until('the backends are gone', async () => (await direct.query('select from pg_stat_activity where pid = any($1)', [pids])).rowCount === 0);
  });
});
