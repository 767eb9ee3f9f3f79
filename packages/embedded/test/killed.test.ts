import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { ClientProcess } from './support/client.js';
import { guardOf, kill, postmasterOf, processesWith, serverNameIn, supervisorOf, untilGone, untilNone } from './support/processes.js';
import { cleanUp, folderWithData, freshFolder, start } from './support/project.js';
import { query, value } from './support/query.js';
import { until } from './support/until.js';

describe('after SIGKILL', () => {
  let dataDirectory: string;

  afterEach(cleanUp);

  /** Starts again and finds the row that was committed before. */
  async function expectTheRow(): Promise<void> {
    const server = await start({ dataDirectory });
    expect(await value(server.connectionString, 'select answer from kept')).to.equal(42);
    postmasterOf(dataDirectory);
    await server.stop();
  }

  async function startWithRow(): Promise<{ client: ClientProcess; connectionString: string; name: string }> {
    dataDirectory = await folderWithData();
    const client = new ClientProcess({ dataDirectory });
    const { connectionString } = await client.started();
    return { client, connectionString, name: serverNameIn(dataDirectory) };
  }

  it('of the only client, no process of the server is left', async () => {
    const { client, name } = await startWithRow();
    expect(processesWith(name).length).to.be.greaterThan(3);
    await client.kill();
    await untilNone(name);
    await untilNone(dataDirectory);
    await expectTheRow();
  });

  it('of one of two clients, the server stays for the other', async () => {
    const { client, connectionString, name } = await startWithRow();
    const other = new ClientProcess({ dataDirectory });
    await other.started();
    const postmaster = postmasterOf(dataDirectory);
    await client.kill();
    expect(await value(connectionString, 'select answer from kept')).to.equal(42);
    expect(postmasterOf(dataDirectory)).to.equal(postmaster);
    await other.kill();
    await untilNone(name);
  });

  it('of the client while the data are being made, nothing is left, and the next start works', async () => {
    dataDirectory = join(await freshFolder(), '.apiary');
    const client = new ClientProcess({ dataDirectory });
    await until('initdb runs', () => processesWith(`${dataDirectory}/init-`).length > 0);
    await client.kill();
    await untilNone(dataDirectory);
    const server = await start({ dataDirectory });
    expect(await value(server.connectionString, 'select 1')).to.equal(1);
    await server.stop();
  });

  it('of the supervisor while the data are being made, the next start makes them', async () => {
    dataDirectory = join(await freshFolder(), '.apiary');
    const client = new ClientProcess({ dataDirectory });
    await until('initdb runs', () => processesWith(`${dataDirectory}/init-`).length > 0);
    await kill(supervisorOf(dataDirectory));
    const { connectionString } = await client.started(); // it looks again by itself
    expect(await value(connectionString, 'select 1')).to.equal(1);
    await client.stop();
  });

  it('of the postmaster, the server comes back on its port for the clients that there are', async () => {
    const { client, connectionString } = await startWithRow();
    const postmaster = postmasterOf(dataDirectory);
    await kill(postmaster);
    let answer: unknown;
    await until('the server answers again', async () => {
      answer = await value(connectionString, 'select answer from kept').catch(() => undefined);
      return answer !== undefined;
    });
    expect(answer).to.equal(42);
    expect(postmasterOf(dataDirectory)).not.to.equal(postmaster);
    await client.stop();
    await untilNone(dataDirectory);
  });

  it('of the postmaster while a child of it is stopped and holds the shared memory, the server comes back', async () => {
    const { client, connectionString } = await startWithRow();
    const session = new pg.Client({ connectionString });
    session.on('error', () => {});
    await session.connect();
    const backend = Number((await session.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid);
    process.kill(backend, 'SIGSTOP'); // it cannot see that its parent is gone
    await kill(postmasterOf(dataDirectory));
    await until('the server answers again', async () => (await value(connectionString, 'select answer from kept').catch(() => undefined)) === 42);
    await untilGone(backend);
    await session.end().catch(() => {});
    await client.stop();
  });

  it('of the supervisor, its client replaces it, the server goes on meanwhile, and still ends with the client', async () => {
    const { client, connectionString, name } = await startWithRow();
    const session = new pg.Client({ connectionString });
    session.on('error', () => {});
    await session.connect();
    const seat = Number((await readdir(dataDirectory)).find((file) => file.startsWith('control.'))?.slice('control.'.length));
    const [supervisor, postmaster] = [supervisorOf(dataDirectory), postmasterOf(dataDirectory)];
    await kill(supervisor);
    const guardOfTheNext = `sh ${postmaster} ${dataDirectory}/postgres/postmaster.pid ${dataDirectory}/control.${seat + 2}`;
    await until('another supervisor has taken over', () => processesWith(guardOfTheNext).length === 1);
    expect(supervisorOf(dataDirectory)).not.to.equal(supervisor);
    expect((await session.query<{ answer: number }>('select answer from kept')).rows).to.deep.equal([{ answer: 42 }]); // the old connection
    expect(postmasterOf(dataDirectory)).to.equal(postmaster);
    await session.end();
    await client.kill();
    await untilNone(name);
  });

  it('of supervisor and client together, the guard stops the server', async () => {
    const { client, name } = await startWithRow();
    const supervisor = supervisorOf(dataDirectory);
    process.kill(client.pid, 'SIGSTOP'); // so that it cannot start another one
    await kill(supervisor);
    expect(processesWith(name).length).to.be.greaterThan(3);
    await client.kill();
    await untilNone(name);
    await untilNone(dataDirectory);
    await expectTheRow();
  });

  it('of client, supervisor and guard, the next start takes the running server over', async () => {
    const { client, name } = await startWithRow();
    const [supervisor, guard, postmaster] = [supervisorOf(dataDirectory), guardOf(dataDirectory), postmasterOf(dataDirectory)];
    process.kill(client.pid, 'SIGSTOP');
    await kill(guard);
    await kill(supervisor);
    await client.kill();
    const server = await start({ dataDirectory });
    expect(await value(server.connectionString, 'select answer from kept')).to.equal(42);
    expect(postmasterOf(dataDirectory)).to.equal(postmaster);
    await server.stop();
    expect(processesWith(name)).to.deep.equal([]);
  });

  it('of everything at once, the next start finds the data', async () => {
    const { client, name } = await startWithRow();
    const [supervisor, guard] = [supervisorOf(dataDirectory), guardOf(dataDirectory)];
    process.kill(client.pid, 'SIGSTOP');
    for (const pid of [guard, supervisor, ...processesWith(name)]) process.kill(pid, 'SIGKILL');
    await client.kill();
    await untilNone(name);
    expect(existsSync(join(dataDirectory, 'postgres', 'postmaster.pid'))).to.equal(true);
    await expectTheRow();
  });

  it('of a test server that ran without fsync, a durable start brings the data to the disk first', async () => {
    dataDirectory = join(await freshFolder(), '.apiary');
    const client = new ClientProcess({ dataDirectory, durable: false });
    const { connectionString } = await client.started();
    await query(connectionString, 'create table kept as select 42 as answer');
    expect(existsSync(join(dataDirectory, 'unsynced'))).to.equal(true);
    await client.kill();
    await untilNone(dataDirectory);
    await expectTheRow();
    expect(existsSync(join(dataDirectory, 'unsynced'))).to.equal(false);
  });
});
