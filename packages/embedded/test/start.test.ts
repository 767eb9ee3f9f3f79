import { expect } from 'chai';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { EmbeddedError, startEmbedded } from '@apiary/embedded';
import { ClientProcess } from './support/client.js';
import { untilNone } from './support/processes.js';
import { cleanUp, folderWithData, freshFolder, start } from './support/project.js';
import { query, value } from './support/query.js';

describe('startEmbedded', () => {
  afterEach(cleanUp);

  it('makes a server from nothing: PostgreSQL 18, a superuser, UTF-8, fsync on', async () => {
    const dataDirectory = join(await freshFolder(), '.apiary');
    const server = await start({ dataDirectory });
    const sql = `select current_setting('server_version_num')::int / 10000 as version, current_user::text as role, current_database()::text as database,
      current_setting('server_encoding') as encoding, current_setting('fsync') as fsync, current_setting('max_connections') as connections,
      upper('äü') as upper, (select rolsuper from pg_roles where rolname = current_user) as super, current_setting('synchronous_commit') as commit`;
    expect(await query(server.connectionString, sql)).to.deep.equal([
      { version: 18, role: 'apiary', database: 'apiary', encoding: 'UTF8', fsync: 'on', connections: '200', upper: 'ÄÜ', super: true, commit: 'on' },
    ]);
    expect(server).to.include({ host: '127.0.0.1', user: 'apiary', dataDirectory });
    expect(new URL(server.connectionString).port).to.equal(String(server.port));
    await server.stop();
  });

  it('lets in nobody without the password, which only the owner can read', async () => {
    const dataDirectory = await folderWithData();
    const server = await start({ dataDirectory });
    const url = new URL(server.connectionString);
    for (const password of ['', 'apiary']) {
      const wrong = Object.assign(new URL(url), { password }).href;
      const error = await query(wrong, 'select 1').catch((reason: unknown) => reason);
      expect(String(error)).to.match(/password/);
    }
    expect((await stat(join(dataDirectory, 'password'))).mode & 0o777).to.equal(0o600);
    await server.stop();
  });

  it('listens on loopback only', async function () {
    const outside = Object.values(networkInterfaces()).flat().find((address) => address && !address.internal && address.family === 'IPv4'); // prettier-ignore
    const server = await start({ dataDirectory: await folderWithData() });
    expect(await value(server.connectionString, 'show listen_addresses')).to.equal('127.0.0.1');
    expect(await value(server.connectionString, 'show unix_socket_directories')).to.equal('');
    if (outside) {
      const code = await new Promise((settle) => {
        createConnection({ host: outside.address, port: server.port }).once('error', ({ code }: NodeJS.ErrnoException) => settle(code)).once('connect', () => settle('connected')); // prettier-ignore
      });
      expect(code).to.equal('ECONNREFUSED');
    }
    await server.stop();
  });

  it('keeps the data from one start to the next, on the same port', async () => {
    const dataDirectory = await folderWithData();
    const first = await start({ dataDirectory });
    await query(first.connectionString, 'update kept set answer = 43');
    await first.stop();
    await untilNone(dataDirectory);
    const second = await start({ dataDirectory });
    expect(await value(second.connectionString, 'select answer from kept')).to.equal(43);
    expect(second.connectionString).to.equal(first.connectionString);
    await second.stop();
  });

  it('puts the data beside the nearest package.json, where version control does not take them', async () => {
    const folder = await freshFolder();
    await mkdir(join(folder, 'src', 'deep'), { recursive: true });
    await writeFile(join(folder, 'package.json'), '{}');
    const client = new ClientProcess({}, { cwd: join(folder, 'src', 'deep') });
    expect((await client.started()).dataDirectory).to.equal(join(folder, '.apiary'));
    expect(await readFile(join(folder, '.apiary', '.gitignore'), 'utf8')).to.equal('*\n');
    await client.stop();
  });

  it('works under a path longer than the address of a socket', async () => {
    const dataDirectory = join(await freshFolder(), 'a'.repeat(90), 'b'.repeat(90), '.apiary');
    const server = await start({ dataDirectory });
    const client = new ClientProcess({ dataDirectory });
    expect((await client.started()).connectionString).to.equal(server.connectionString);
    await client.stop();
    await server.stop();
  });

  it('works under a path with spaces and quotes', async () => {
    const server = await start({ dataDirectory: join(await freshFolder(), `it's a "path" with $HOME and ü`, '.apiary') });
    expect(await value(server.connectionString, 'select 1')).to.equal(1);
    await server.stop();
  });

  it('does not keep a process alive, and stops the server of one that ended without stop()', async () => {
    const dataDirectory = await folderWithData();
    const client = new ClientProcess({ dataDirectory });
    await client.started();
    client.child.disconnect(); // nothing but the server is left in that process
    await new Promise((settle) => client.child.once('exit', settle));
    expect(client.child.exitCode).to.equal(0);
    await untilNone(dataDirectory);
  });

  it('stops once, however often it is asked, and resolves when the server is stopped', async () => {
    const dataDirectory = await folderWithData();
    const server = await start({ dataDirectory });
    const stop = server.stop();
    expect(server.stop()).to.equal(stop);
    await stop;
    const error = await query(server.connectionString, 'select 1').catch((reason: unknown) => reason);
    expect(error).to.include({ code: 'ECONNREFUSED' });
  });

  it('passes settings on', async () => {
    const settings = { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.max': '1234', max_connections: '20' };
    const server = await start({ dataDirectory: await folderWithData(), durable: false, settings });
    for (const [name, wanted] of Object.entries({ ...settings, fsync: 'off' })) expect(await value(server.connectionString, `show ${name}`)).to.equal(wanted);
    await server.stop();
  });

  for (const [problem, options] of Object.entries({
    'a setting that the server decides itself': { settings: { Port: '5432' } },
    'a name that is no setting': { settings: { 'work_mem=1 -c x': '1' } },
    'a value that is no text': { settings: { work_mem: 4 as unknown as string } },
    'an empty data folder': { dataDirectory: '' },
    'a durability that is neither true nor false': { durable: 'no' as unknown as boolean },
  })) {
    it(`refuses ${problem}`, async () => {
      const dataDirectory = join(await freshFolder(), '.apiary');
      const error = await startEmbedded({ dataDirectory, ...options }).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(EmbeddedError).and.to.include({ code: 'EMBEDDED_START' });
    });
  }

  it('shows the end of the log when a setting is wrong, and starts when it is put right', async () => {
    const dataDirectory = await folderWithData();
    const error = await start({ dataDirectory, settings: { work_mem: 'plenty' } }).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(EmbeddedError).and.to.include({ code: 'EMBEDDED_START' });
    expect((error as EmbeddedError).details.log).to.match(/invalid value for parameter "work_mem"/);
    expect((error as EmbeddedError).message).to.match(/invalid value for parameter "work_mem"/);
    const server = await start({ dataDirectory, settings: { work_mem: '8MB' } });
    expect(await value(server.connectionString, 'show work_mem')).to.equal('8MB');
    await server.stop();
  });
});
