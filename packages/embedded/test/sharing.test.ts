import { expect } from 'chai';
import { join } from 'node:path';
import { EmbeddedError } from '@apiary/embedded';
import { ClientProcess } from './support/client.js';
import { postmasterOf, processesWith, supervisorOf, untilNone } from './support/processes.js';
import { cleanUp, folderWithData, freshFolder, start } from './support/project.js';
import { query, value } from './support/query.js';

describe('several processes of one project', () => {
  afterEach(cleanUp);

  it('share one server, which the last of them stops', async () => {
    const dataDirectory = await folderWithData();
    const [one, two] = [new ClientProcess({ dataDirectory }), new ClientProcess({ dataDirectory })];
    const [first, second] = [await one.started(), await two.started()];
    expect(second.connectionString).to.equal(first.connectionString);
    const postmaster = postmasterOf(dataDirectory);
    await one.stop();
    expect(await value(second.connectionString, 'select 1')).to.equal(1);
    expect(postmasterOf(dataDirectory)).to.equal(postmaster);
    await two.stop();
    expect(processesWith(`-D ${dataDirectory}/postgres `)).to.deep.equal([]);
    await untilNone(dataDirectory);
  });

  it('start at the same instant and get one server', async () => {
    const dataDirectory = join(await freshFolder(), '.apiary');
    const clients = Array.from({ length: 5 }, () => new ClientProcess({ dataDirectory }));
    const addresses = new Set((await Promise.all(clients.map((client) => client.started()))).map(({ connectionString }) => connectionString));
    expect(addresses.size).to.equal(1);
    postmasterOf(dataDirectory); // throws unless there is exactly one
    supervisorOf(dataDirectory);
    await Promise.all(clients.map((client) => client.stop()));
    await untilNone(dataDirectory);
  });

  it('come and go: a start that meets the end of the last one gets a server', async () => {
    const dataDirectory = await folderWithData();
    let server = await start({ dataDirectory });
    await query(server.connectionString, 'create table turn (n int)');
    for (let n = 0; n < 8; n++) {
      const stopping = server.stop();
      if (n % 2 === 0) await new Promise((settle) => setImmediate(settle)); // the request to stop is on its way
      server = await start({ dataDirectory });
      await stopping;
      await query(server.connectionString, `insert into turn values (${n})`);
    }
    expect(await value(server.connectionString, 'select count(*)::int from turn')).to.equal(8);
    await server.stop();
  });

  it('use the server several times in one process', async () => {
    const dataDirectory = await folderWithData();
    const [one, two] = await Promise.all([start({ dataDirectory }), start({ dataDirectory })]);
    await one.stop();
    expect(await value(two.connectionString, 'select 1')).to.equal(1);
    await two.stop();
  });

  it('are told when they ask for what the running server is not', async () => {
    const dataDirectory = await folderWithData();
    const server = await start({ dataDirectory, durable: false, settings: { work_mem: '8MB' } });
    const errors = [{}, { durable: false, settings: { work_mem: '9MB' } }, { durable: false, settings: { maintenance_work_mem: '9MB' } }].map((options) =>
      start({ dataDirectory, ...options }).catch((reason: unknown) => reason),
    );
    const [durable, other, absent] = (await Promise.all(errors)) as EmbeddedError[];
    expect(durable).to.be.instanceOf(EmbeddedError);
    expect(durable?.message).to.match(/already runs, without fsync/);
    expect(other?.message).to.match(/already runs, with work_mem = 8MB/);
    expect(absent?.message).to.match(/already runs, without the setting maintenance_work_mem/);
    const client = await start({ dataDirectory, durable: false });
    await server.stop();
    await client.stop();
    const durably = await start({ dataDirectory });
    expect(await value(durably.connectionString, 'show fsync')).to.equal('on');
    await durably.stop();
  });
});
