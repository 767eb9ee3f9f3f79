import { commits, executes, killBackend, killBackendAfterCommit, killBackendBeforeCommit, killBackendWhen, TcpProxy, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import type pg from 'pg';
import { connect, failure, freshDatabase, target, wire } from './support/server.js';

describe('killing a backend at a phase', () => {
  let url: string;
  let admin: pg.Client;
  let victim: pg.Client;

  before(async () => {
    url = await freshDatabase();
  });
  beforeEach(async () => {
    admin = await connect(url);
    await admin.query('drop table if exists t');
    await admin.query('create table t (id integer primary key)');
    victim = await connect(url);
  });

  const count = async (): Promise<number> => (await admin.query('select count(*)::int as n from t')).rows[0].n as number;

  it('kills one that idles', async () => {
    await victim.query('select 1');
    expect(await killBackendWhen(admin, wire(victim).processID, 'idle')).to.deep.include({ state: 'idle', query: 'select 1' });
    await failure(victim.query('select 2'));
  });

  it('kills one with an open transaction, once it has got there', async () => {
    const killed = killBackendWhen(admin, wire(victim).processID, 'idle in transaction', 'insert%');
    await victim.query('begin');
    await victim.query('insert into t values (1)');
    expect(await killed).to.deep.include({ state: 'idle in transaction', query: 'insert into t values (1)' });
    await failure(victim.query('commit'));
    expect(await count()).to.equal(0);
  });

  it('kills one whose transaction has failed', async () => {
    await victim.query('begin');
    await failure(victim.query('select 1/0'));
    expect((await killBackendWhen(admin, wire(victim).processID, 'idle in failed transaction')).state).to.equal('idle in transaction (aborted)');
  });

  it('kills one in a statement', async () => {
    const query = failure(victim.query('select pg_sleep(60)'));
    expect(await killBackendWhen(admin, wire(victim).processID, 'in a statement')).to.deep.include({ state: 'active', query: 'select pg_sleep(60)' });
    expect((await query).code).to.equal('57P01');
  });

  it('kills one that waits for a lock', async () => {
    await admin.query('begin');
    await admin.query('lock table t in access exclusive mode');
    const query = failure(victim.query('insert into t values (1)'));
    const other = await connect(url);
    expect((await killBackendWhen(other, wire(victim).processID, 'waiting for a lock')).waitEvent).to.equal('relation');
    expect((await query).code).to.equal('57P01');
    await admin.query('rollback');
  });

  it('says whether there was one', async () => {
    expect(await killBackend(admin, wire(victim).processID)).to.equal(true);
    expect(await killBackend(admin, wire(victim).processID)).to.equal(false);
  });

  describe('at its COMMIT, through the proxy', () => {
    let proxy: TcpProxy;
    let client: pg.Client;
    beforeEach(async () => {
      proxy = await TcpProxy.start({ target: target() });
      client = await connect(proxy.connectionString(url));
      await client.query('begin');
      await client.query('insert into t values (1)');
    });
    afterEach(() => proxy.stop());

    it('before: the transaction is lost', async () => {
      const kill = killBackendBeforeCommit(admin, proxy);
      await failure(client.query('commit'));
      const proof = await kill;
      expect(proof).to.deep.include({ killed: true, pid: wire(client).processID, statements: ['commit'] });
      expect(await count()).to.equal(0);
    });

    it('after: the transaction stands, its client does not know', async () => {
      const kill = killBackendAfterCommit(admin, proxy);
      const error = await failure(client.query('commit'));
      expect(error.code).to.equal(undefined);
      expect((await kill).answer).to.deep.equal(['COMMIT']);
      expect(await count()).to.equal(1);
    });

    it('between statement and COMMIT of one transaction', async () => {
      const rule = proxy.add({ on: 'request', is: executes(/^insert/), fault: { kind: 'hold answer' } });
      const insert = client.query('insert into t values (2)');
      const { pid } = await rule.hit;
      await killBackend(admin, pid ?? -1);
      rule.remove();
      await insert;
      await failure(client.query('commit'));
      await until('nothing of it is left', async () => (await count()) === 0);
      expect(commits({ messages: [], statements: ['insert'], positions: [], answered: true })).to.equal(false);
    });
  });
});
