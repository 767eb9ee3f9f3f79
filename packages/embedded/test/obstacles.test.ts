import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { EmbeddedError } from '@apiary/embedded';
import { isRoot, needsReadableRepository, ordinary } from './support/account.js';
import { ClientProcess } from './support/client.js';
import { kill, postmasterOf, supervisorOf, untilNone } from './support/processes.js';
import { cleanUp, folderWithData, freshFolder, homeOf, start } from './support/project.js';
import { query, value } from './support/query.js';

describe('the embedded server', () => {
  let folder: string;
  let dataDirectory: string;

  beforeEach(async () => {
    folder = await freshFolder();
    dataDirectory = join(folder, '.apiary');
  });
  afterEach(cleanUp);

  async function expectTheRow(): Promise<void> {
    const server = await start({ dataDirectory });
    expect(await value(server.connectionString, 'select answer from kept')).to.equal(42);
    await server.stop();
  }

  it('starts over a stale pid file whose number belongs to a stranger, and leaves the stranger alone', async () => {
    dataDirectory = await folderWithData();
    // Of the server's own account: PostgreSQL believes that it is another postmaster.
    const { uid, gid } = await stat(join(dataDirectory, 'postgres'));
    const stranger = spawn('sleep', ['600'], { stdio: 'ignore', ...(isRoot && { uid, gid }) });
    try {
      const pidFile = `${stranger.pid}\n${dataDirectory}/postgres\n1700000000\n5432\n\n127.0.0.1\n  1234567  7\nready\n`;
      await writeFile(join(dataDirectory, 'postgres', 'postmaster.pid'), pidFile);
      await expectTheRow();
      expect(stranger.exitCode ?? stranger.signalCode).to.equal(null);
    } finally {
      stranger.kill();
    }
  });

  it('starts over a pid file that is damaged', async () => {
    dataDirectory = await folderWithData();
    await writeFile(join(dataDirectory, 'postgres', 'postmaster.pid'), '');
    const error = await expectTheRow().catch((reason: unknown) => reason);
    expect(error).to.equal(undefined);
  });

  it('takes another port when its own is busy', async () => {
    dataDirectory = await folderWithData();
    const { port } = JSON.parse(await readFile(join(dataDirectory, 'state.json'), 'utf8')) as { port: number };
    const other = createServer().listen(port, '127.0.0.1');
    await new Promise((settle) => other.once('listening', settle));
    try {
      const server = await start({ dataDirectory });
      expect(server.port).not.to.equal(port);
      expect(await value(server.connectionString, 'select answer from kept')).to.equal(42);
      await server.stop();
    } finally {
      other.close();
    }
  });

  it('refuses data of another major version, names both, and leaves them as they are', async () => {
    dataDirectory = await folderWithData();
    const version = join(dataDirectory, 'postgres', 'PG_VERSION');
    await writeFile(version, '14\n');
    const error = (await start({ dataDirectory }).catch((reason: unknown) => reason)) as EmbeddedError;
    expect(error).to.be.instanceOf(EmbeddedError).and.to.include({ code: 'DATABASE_VERSION' });
    expect(error.details).to.include({ found: '14', needed: '18' });
    expect(error.message).to.match(/PostgreSQL 14.*PostgreSQL 18.*pg_dump/s);
    expect(await readFile(version, 'utf8')).to.equal('14\n');
    await untilNone(dataDirectory);
    await writeFile(version, '18\n');
    await expectTheRow();
  });

  it('refuses a cluster folder that holds something else', async () => {
    await mkdir(join(dataDirectory, 'postgres'), { recursive: true });
    await writeFile(join(dataDirectory, 'postgres', 'mine.txt'), 'mine');
    const error = (await start({ dataDirectory }).catch((reason: unknown) => reason)) as EmbeddedError;
    expect(error).to.include({ code: 'EMBEDDED_START' });
    expect(await readFile(join(dataDirectory, 'postgres', 'mine.txt'), 'utf8')).to.equal('mine');
  });

  it('says what to do when its password is lost', async () => {
    dataDirectory = await folderWithData();
    await rm(join(dataDirectory, 'password'));
    const error = (await start({ dataDirectory }).catch((reason: unknown) => reason)) as EmbeddedError;
    expect(error).to.include({ code: 'EMBEDDED_START' });
    expect(error.message).to.include(join(dataDirectory, 'password'));
  });

  it('says so when the data folder is a file', async () => {
    await writeFile(dataDirectory, '');
    const error = (await start({ dataDirectory }).catch((reason: unknown) => reason)) as EmbeddedError;
    expect(error).to.be.instanceOf(EmbeddedError).and.to.include({ code: 'EMBEDDED_START' });
    expect(error.message).to.include(dataDirectory);
  });

  it('gives up on a server that cannot live, and the client hears it', async () => {
    dataDirectory = await folderWithData();
    const client = new ClientProcess({ dataDirectory });
    await client.started();
    await writeFile(join(dataDirectory, 'postgres', 'global', 'pg_control'), 'damaged');
    await kill(postmasterOf(dataDirectory));
    await untilNone(`supervisor/main.js ${dataDirectory} `);
    await client.stop();
    const error = (await start({ dataDirectory }).catch((reason: unknown) => reason)) as EmbeddedError;
    expect(error).to.include({ code: 'EMBEDDED_START' });
    expect(error.details.log).to.match(/pg_control|checksum|control file/);
  });

  it('ends in order when its supervisor is told to, and no client starts it again', async () => {
    dataDirectory = await folderWithData();
    const client = new ClientProcess({ dataDirectory });
    const { connectionString } = await client.started();
    process.kill(supervisorOf(dataDirectory), 'SIGTERM');
    await untilNone(`${dataDirectory}/postgres`);
    await client.stop();
    await untilNone(dataDirectory);
    expect(await query(connectionString, 'select 1').catch((reason: unknown) => reason)).to.include({ code: 'ECONNREFUSED' });
  });

  it('runs for an ordinary user', async function () {
    needsReadableRepository(this);
    if (ordinary) await chown(folder, ordinary.uid, ordinary.gid);
    const client = new ClientProcess({ dataDirectory }, ordinary);
    const { connectionString } = await client.started();
    const owner = (await stat(`/proc/${postmasterOf(dataDirectory)}`)).uid;
    expect(owner).to.equal(ordinary?.uid ?? process.getuid?.());
    expect(await value(connectionString, 'select 1')).to.equal(1);
    await client.kill();
    await untilNone(dataDirectory);
  });

  describe('started by root', () => {
    before(function () {
      if (!isRoot) this.skip();
    });

    it('does not run as root, and its data are nobody else’s', async () => {
      const server = await start({ dataDirectory });
      expect((await stat(`/proc/${postmasterOf(dataDirectory)}`)).uid).not.to.equal(0);
      expect((await stat(join(dataDirectory, 'postgres'))).mode & 0o777).to.equal(0o700);
      await server.stop();
    });

    it('shares the server of a user’s project with that user, whoever started it', async function () {
      needsReadableRepository(this);
      const { uid, gid } = ordinary as { uid: number; gid: number };
      await chown(folder, uid, gid);
      const server = await start({ dataDirectory });
      const user = new ClientProcess({ dataDirectory }, ordinary);
      expect((await user.started()).connectionString).to.equal(server.connectionString);
      await user.stop();
      await server.stop();
      await untilNone(dataDirectory);
      const again = new ClientProcess({ dataDirectory }, ordinary);
      const { connectionString } = await again.started();
      const root = await start({ dataDirectory });
      expect(root.connectionString).to.equal(connectionString);
      await again.stop();
      await root.stop();
    });

    it('runs in the project of an account that the machine does not know', async () => {
      await chown(folder, 54321, 54321);
      const server = await start({ dataDirectory });
      expect((await stat(`/proc/${postmasterOf(dataDirectory)}`)).uid).to.equal(54321);
      expect((await stat(join(dataDirectory, 'postgres', 'PG_VERSION'))).uid).to.equal(54321);
      await server.stop();
    });

    it('keeps its data outside a project that no one else can enter, from start to start', async () => {
      const project = join(folder, 'project');
      await mkdir(project);
      await chmod(project, 0o700);
      dataDirectory = join(project, '.apiary');
      const first = await start({ dataDirectory });
      const home = await homeOf(dataDirectory);
      expect(home).not.to.include(folder);
      expect(first.dataDirectory).to.equal(dataDirectory);
      await query(first.connectionString, 'create table kept as select 42 as answer');
      const other = new ClientProcess({ dataDirectory });
      expect((await other.started()).connectionString).to.equal(first.connectionString);
      await other.stop();
      await first.stop();
      await expectTheRow();
      expect(await homeOf(dataDirectory)).to.equal(home);
    });

    it('gets one server when several processes start at once in such a project', async () => {
      const project = join(folder, 'project');
      await mkdir(project);
      await chmod(project, 0o700);
      dataDirectory = join(project, '.apiary');
      const clients = Array.from({ length: 3 }, () => new ClientProcess({ dataDirectory, durable: false }));
      const addresses = await Promise.all(clients.map((client) => client.started()));
      expect(new Set(addresses.map(({ connectionString }) => connectionString)).size).to.equal(1);
      await Promise.all(clients.map((client) => client.stop()));
    });

    it('uses a folder that was made for root alone, and takes nothing from a folder with other things in it', async () => {
      const alone = join(folder, 'alone');
      await mkdir(alone, { mode: 0o700 });
      const inside = await start({ dataDirectory: alone, durable: false });
      expect(await homeOf(alone)).to.equal(alone);
      await inside.stop();
      const mixed = join(folder, 'project', '.apiary');
      await mkdir(mixed, { recursive: true, mode: 0o700 });
      await chmod(mixed, 0o700);
      await writeFile(join(mixed, 'mine.txt'), 'mine');
      const outside = await start({ dataDirectory: mixed, durable: false });
      expect(await homeOf(mixed)).not.to.equal(mixed);
      expect((await stat(mixed)).mode & 0o777).to.equal(0o700);
      await outside.stop();
    });

    it('takes back data whose owner was changed to root', async () => {
      dataDirectory = await folderWithData();
      await chown(join(dataDirectory, 'postgres'), 0, 0);
      await chown(join(dataDirectory, 'postgres', 'PG_VERSION'), 0, 0);
      await expectTheRow();
    });
  });
});
