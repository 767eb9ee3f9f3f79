import { Child, crashBackend, Postgres15, postgres15Missing, processAlive, until } from '@apiary/testing/internal';
import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect } from 'chai';
import { connect, failure, wire } from './support/server.js';

describe('a throw-away PostgreSQL 15', function () {
  let cluster: Postgres15;
  before(async function () {
    const missing = postgres15Missing();
    if (missing !== undefined) {
      console.log(`      skipped: ${missing}`);
      this.skip();
    }
    cluster = await Postgres15.create({ settings: { wal_level: 'minimal', max_wal_senders: 0 } });
  });
  after(() => cluster?.remove());

  it('has the settings asked for, and new ones from the next start', async () => {
    const show = async (name: string): Promise<string> =>
      (await (await connect(cluster.connectionString())).query(`select current_setting($1) as v`, [name])).rows[0].v as string;
    expect(await show('wal_level')).to.equal('minimal');
    expect(await show('server_version')).to.match(/^15\./);
    cluster.set({ default_transaction_isolation: 'serializable' });
    await cluster.stop();
    await cluster.start();
    expect(await show('default_transaction_isolation')).to.equal('serializable');
  });

  it('crashes and recovers: what was committed is there, at the same port', async () => {
    const client = await connect(cluster.connectionString());
    await client.query('create table kept (id integer)');
    await client.query('insert into kept values (1)');
    await client.query('begin');
    await client.query('insert into kept values (2)');
    const { pid, port } = cluster;
    await cluster.crash();
    expect(processAlive(pid)).to.equal(false);
    await failure(client.query('commit'));
    expect((await failure(connect(cluster.connectionString()))).code).to.equal('ECONNREFUSED');
    await cluster.start();
    expect(cluster.port).to.equal(port);
    const { rows } = await (await connect(cluster.connectionString())).query('select id from kept');
    expect(rows).to.deep.equal([{ id: 1 }]);
    expect(cluster.log).to.contain('was not properly shut down');
  });

  it('restarts all its backends when one is killed by the kernel', async () => {
    const victim = await connect(cluster.connectionString());
    const bystander = await connect(cluster.connectionString());
    const query = failure(bystander.query('select pg_sleep(60)'));
    crashBackend(wire(victim).processID);
    await query;
    await until('it answers again', async () => (await (await connect(cluster.connectionString())).query('select 1')).rowCount === 1);
    expect(cluster.log).to.contain('terminated by signal 9');
  });

  it('leaves nothing behind', async () => {
    const another = await Postgres15.create();
    const { pid, dataDirectory } = another;
    expect(existsSync(dataDirectory)).to.equal(true);
    await another.remove();
    expect(processAlive(pid)).to.equal(false);
    expect(existsSync(dataDirectory)).to.equal(false);
  });

  it('ends with the process that started it', async () => {
    const child = await Child.spawn(new URL('./support/cluster-child.js', import.meta.url));
    const { detail } = await child.point('up');
    const { pid, dataDirectory } = detail as { pid: number; dataDirectory: string };
    expect(processAlive(pid)).to.equal(true);
    await child.kill();
    await until('its server is gone', () => !processAlive(pid));
    rmSync(dirname(dataDirectory), { recursive: true });
  });

  it('says what is missing where there is none', async () => {
    expect(postgres15Missing('/nowhere')).to.contain('postgresql-15');
    expect((await failure(Postgres15.create({ bin: '/nowhere' }))).message).to.contain('initdb and postgres not found');
  });
});
