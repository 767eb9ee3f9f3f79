import { commits, executes, letter, TcpProxy, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import type pg from 'pg';
import { connect, failure, freshDatabase, pending, target, wire } from './support/server.js';

describe('a TCP proxy before PostgreSQL', () => {
  let url: string;
  let direct: pg.Client;
  let proxy: TcpProxy;
  let through: string;

  before(async () => {
    url = await freshDatabase();
  });
  beforeEach(async () => {
    direct = await connect(url);
    await direct.query('drop table if exists t');
    await direct.query('create table t (id integer primary key, entry bigint generated always as identity)');
    proxy = await TcpProxy.start({ target: target(), seed: 7 });
    through = proxy.connectionString(url);
  });
  afterEach(() => proxy.stop());

  const ids = async (): Promise<number[]> => (await direct.query<{ id: number }>('select id from t order by id')).rows.map(({ id }) => id);
  const inserting = async (client: pg.Client, id: number): Promise<void> => {
    await client.query('begin');
    await client.query('insert into t values ($1)', [id]);
  };

  it('shows nothing of itself without rules', async () => {
    const client = await connect(through, { application_name: 'quiet' });
    const { rows } = await client.query(`select pg_backend_pid() as pid, repeat('x', 1000000) as long`);
    expect(rows[0].pid).to.equal(wire(client).processID);
    expect(rows[0].long).to.have.length(1_000_000);
    const sent = 'y'.repeat(3_000_000);
    expect((await client.query({ name: 'len', text: 'select length($1) as n', values: [sent] })).rows[0].n).to.equal(3_000_000);
    const [link] = proxy.links;
    expect(link?.pid).to.equal(wire(client).processID);
    expect(link?.parameters.get('application_name')).to.equal('quiet');
    await client.end();
    await until('the link is closed', () => proxy.links.length === 0);
  });

  it('loses the answer of a COMMIT that the server has done', async () => {
    const rule = proxy.add({ on: 'request', is: commits, fault: { kind: 'lose answer' } });
    const client = await connect(through);
    await inserting(client, 1);
    const error = await failure(client.query('commit'));
    expect(error.code).to.equal(undefined);
    expect((await rule.hit).answer).to.deep.equal(['COMMIT']);
    expect(await ids()).to.deep.equal([1]);
    expect(proxy.hits.get('lose answer')).to.equal(1);
    const next = await connect(through);
    await inserting(next, 2);
    expect((await next.query('commit')).command).to.equal('COMMIT');
    expect(rule.hits).to.have.length(1);
  });

  it('knows a prepared COMMIT by the name under which it was parsed, on each connection', async () => {
    const client = await connect(through);
    const commit = { name: 'c', text: 'commit', values: [] };
    await client.query('begin');
    await client.query(commit);
    const rule = proxy.add({ on: 'request', is: commits, fault: { kind: 'lose answer' } });
    await inserting(client, 1);
    await failure(client.query(commit));
    const hit = await rule.hit;
    expect(hit.answer).to.deep.equal(['COMMIT']);
    expect(hit.pid).to.equal(wire(client).processID);
    expect(await ids()).to.deep.equal([1]);
  });

  it('says when the answer that it lost was a ROLLBACK', async () => {
    const rule = proxy.add({ on: 'request', is: commits, fault: { kind: 'lose answer' } });
    const client = await connect(through);
    await client.query('begin');
    await failure(client.query('select 1/0'));
    await failure(client.query('commit'));
    expect((await rule.hit).answer).to.deep.equal(['ROLLBACK']);
  });

  it('cuts before a COMMIT: nothing is done', async () => {
    const rule = proxy.add({ on: 'request', is: commits, fault: { kind: 'cut', at: 'before' } });
    const client = await connect(through);
    await inserting(client, 1);
    await failure(client.query('commit'));
    const { pid } = await rule.hit;
    await until('the backend is gone', async () => (await direct.query('select from pg_stat_activity where pid = $1', [pid])).rowCount === 0);
    expect(await ids()).to.deep.equal([]);
  });

  it('cuts after a COMMIT: it is done, nobody is told', async () => {
    const rule = proxy.add({ on: 'request', is: commits, fault: { kind: 'cut', at: 'after' } });
    const client = await connect(through);
    await inserting(client, 1);
    await failure(client.query('commit'));
    await rule.hit;
    await until('the commit shows', async () => (await ids()).length === 1);
  });

  it('cuts within a flight: what stands before the COMMIT arrives, the COMMIT does not', async () => {
    const rule = proxy.add({ on: 'request', is: commits, fault: { kind: 'cut', at: 'within' } });
    const client = await connect(through);
    await client.query('begin');
    flight(client, ['insert into t values (1)', 'insert into t values (2)', 'commit']);
    const { statements, pid } = await rule.hit;
    expect(statements).to.deep.equal(['insert into t values (1)', 'insert into t values (2)', 'commit']);
    await until('the backend is gone', async () => (await direct.query('select from pg_stat_activity where pid = $1', [pid])).rowCount === 0);
    expect(await ids()).to.deep.equal([]);
    // identity values are not given back: the two inserts were executed
    expect((await direct.query(`select nextval(pg_get_serial_sequence('t', 'entry'))::int as n`)).rows[0].n).to.equal(3);
  });

  it('holds a request back until it is released', async () => {
    const rule = proxy.add({ on: 'request', is: executes(/^insert/), fault: { kind: 'hold request' } });
    const client = await connect(through);
    const insert = client.query('insert into t values (1)');
    const { pid } = await rule.hit;
    expect((await direct.query('select state, query from pg_stat_activity where pid = $1', [pid])).rows[0].state).to.equal('idle');
    expect(await ids()).to.deep.equal([]);
    expect(await pending(insert)).to.equal(true);
    rule.release();
    await insert;
    expect(await ids()).to.deep.equal([1]);
  });

  it('holds an answer back: done on the server, open at the client', async () => {
    const rule = proxy.add({ on: 'request', is: executes(/^insert/), fault: { kind: 'hold answer' } });
    const client = await connect(through);
    const insert = client.query('insert into t values ($1)', [1]);
    expect((await rule.hit).answer).to.deep.equal(['INSERT 0 1']);
    expect(await ids()).to.deep.equal([1]);
    expect(await pending(insert)).to.equal(true);
    rule.release();
    expect((await insert).rowCount).to.equal(1);
  });

  it('makes a connection half-open: nothing arrives, nobody is told, until it is healed', async () => {
    const rule = proxy.add({ on: 'request', is: executes(/^insert/), fault: { kind: 'black hole' } });
    const client = await connect(through);
    const insert = failure(client.query('insert into t values (1)'));
    const { pid } = await rule.hit;
    expect((await direct.query('select state from pg_stat_activity where pid = $1', [pid])).rows[0].state).to.equal('idle');
    expect(await pending(insert)).to.equal(true);
    await proxy.heal();
    await insert;
    expect(await ids()).to.deep.equal([]);
  });

  it('keeps the backend of a client that vanished behind a black hole', async () => {
    const client = await connect(through);
    await inserting(client, 1);
    proxy.partition('to server');
    const { processID } = wire(client);
    wire(client).connection.stream.destroy();
    await until('the client has ended', () => wire(client).connection.stream.closed);
    expect((await direct.query('select state from pg_stat_activity where pid = $1', [processID])).rows[0].state).to.equal('idle in transaction');
    await proxy.heal();
    await until('the backend is gone', async () => (await direct.query('select from pg_stat_activity where pid = $1', [processID])).rowCount === 0);
  });

  it('swallows one way only: the server does it, the answer never comes', async () => {
    const rule = proxy.add({ on: 'request', is: executes(/^insert/), fault: { kind: 'black hole', way: 'to client' } });
    const client = await connect(through);
    const insert = failure(client.query('insert into t values (1)'));
    await rule.hit;
    await until('the insert shows', async () => (await ids()).length === 1);
    expect(await pending(insert)).to.equal(true);
  });

  it('delays a message and keeps the order', async () => {
    const rule = proxy.add({ on: 'request', is: executes(/^select 1/), fault: { kind: 'delay', ms: [40, 60] }, times: Infinity });
    const client = await connect(through);
    const begun = performance.now();
    await client.query('select 1');
    await client.query('select 1');
    expect(performance.now() - begun).to.be.at.least(78);
    expect(rule.hits).to.have.length(2);
  });

  it('chops both ways into pieces of at most seven bytes', async () => {
    const rule = proxy.add({ on: 'open', fault: { kind: 'chop' } });
    const client = await connect(through);
    const sizes: number[] = [];
    wire(client).connection.stream.on('data', (chunk: Buffer) => sizes.push(chunk.length));
    const { rows } = await client.query('select $1 as long, generate_series(1, 50) as n', ['z'.repeat(500)]);
    expect(rows).to.have.length(50);
    expect(rows[49]).to.deep.equal({ long: 'z'.repeat(500), n: 50 });
    expect(Math.min(...sizes)).to.be.at.most(7);
    expect(rule.hits).to.have.length(1);
  });

  it('resets a connection in the middle of a message', async () => {
    const rule = proxy.add({ on: 'request', is: executes(/^insert/), fault: { kind: 'reset', bytes: [1, 20] } });
    const client = await connect(through);
    await client.query('begin');
    const error = await failure(client.query('insert into t values (1)'));
    expect(error.code ?? error.message).to.match(/ECONNRESET|EPIPE|terminated/);
    await rule.hit;
    expect(await ids()).to.deep.equal([]);
  });

  it('resets in the middle of an answer', async () => {
    const rule = proxy.add({ on: 'request', is: executes(/^select/), fault: { kind: 'reset', bytes: [5, 5], way: 'to client' } });
    const client = await connect(through);
    await failure(client.query('select 1'));
    await rule.hit;
  });

  it('drops a notification and nothing else', async () => {
    const rule = proxy.add({ on: 'answer', is: letter('A'), fault: { kind: 'drop' } });
    const client = await connect(through);
    const heard: (string | undefined)[] = [];
    client.on('notification', ({ payload }) => heard.push(payload));
    await client.query('listen c');
    await direct.query(`notify c, 'lost'`);
    await rule.hit;
    await direct.query(`notify c, 'heard'`);
    await until('the second notification has come', () => heard.length > 0);
    expect(heard).to.deep.equal(['heard']);
  });

  it('refuses new connections and keeps those that there are', async () => {
    const client = await connect(through);
    proxy.refuse();
    expect((await failure(connect(through))).code).to.equal('ECONNREFUSED');
    expect((await client.query('select 1')).rowCount).to.equal(1);
    await proxy.heal();
    expect(proxy.connectionString(url)).to.equal(through);
    await (await connect(through)).query('select 1');
  });

  it('passes over matches, and strikes as often as it is told', async () => {
    const rule = proxy.add({ on: 'request', is: executes(/^insert/), fault: { kind: 'cut', at: 'before' }, skip: 2, times: 1 });
    const client = await connect(through);
    await client.query('insert into t values (1)');
    await client.query('insert into t values (2)');
    await failure(client.query('insert into t values (3)'));
    const next = await connect(through);
    await next.query('insert into t values (4)');
    expect(await ids()).to.deep.equal([1, 2, 4]);
    expect(rule.hits).to.have.length(1);
  });

  it('strikes only the connections that it is told', async () => {
    const rule = proxy.add({
      on: 'request',
      is: executes(/^select/),
      fault: { kind: 'cut', at: 'before' },
      link: ({ parameters }) => parameters.get('application_name') === 'victim',
    });
    const other = await connect(through, { application_name: 'other' });
    const victim = await connect(through, { application_name: 'victim' });
    await other.query('select 1');
    await failure(victim.query('select 1'));
    expect((await rule.hit).pid).to.equal(wire(victim).processID);
  });

  it('draws by its seed: the same statements are struck again', async () => {
    const struck = async (seed: number): Promise<number[]> => {
      await using seeded = await TcpProxy.start({ target: target(), seed });
      const rule = seeded.add({ on: 'request', is: executes(/^select/), fault: { kind: 'delay', ms: [0, 1] }, chance: 0.3, times: Infinity });
      const client = await connect(seeded.connectionString(url));
      for (let i = 0; i < 30; i++) await client.query(`select ${i}`);
      return rule.hits.map(({ statements }) => Number(statements[0]?.slice(7)));
    };
    const first = await struck(3);
    expect(first.length).to.be.within(1, 29);
    expect(await struck(3)).to.deep.equal(first);
    expect(await struck(4)).to.not.deep.equal(first);
  });

  it('lets a cancel request pass', async () => {
    const client = await connect(through);
    const sleeping = failure(client.query('select pg_sleep(60)'));
    const { processID, secretKey } = wire(client);
    await until(
      'the statement runs',
      async () => (await direct.query(`select from pg_stat_activity where pid = $1 and state = 'active'`, [processID])).rowCount === 1,
    );
    await cancel(proxy, processID, secretKey);
    expect((await sleeping).code).to.equal('57014');
  });
});

/** Several statements with one Sync in one write. */
function flight(client: pg.Client, texts: readonly string[]): void {
  const { connection } = wire(client);
  connection.stream.cork();
  for (const text of texts) {
    connection.parse({ text });
    connection.bind({});
    connection.execute({});
  }
  connection.sync();
  connection.stream.uncork();
}

async function cancel(at: { host: string; port: number }, pid: number, secret: number): Promise<void> {
  const { connect: open } = await import('node:net');
  const request = Buffer.alloc(16);
  [16, 80877102, pid, secret].forEach((value, i) => request.writeInt32BE(value | 0, i * 4));
  await new Promise<void>((resolve) => open(at.port, at.host).end(request).once('close', resolve).resume());
}
