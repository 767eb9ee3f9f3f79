import { expect } from 'chai';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { findBinaries, identityFor, startPostmaster } from '@apiary/embedded/internal';
import { cleanUp, folderWithData } from './support/project.js';

describe('the postmaster', () => {
  afterEach(cleanUp);

  it('gets another port when the one that was free is taken before it listens', async () => {
    const home = await folderWithData();
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((settle) => other.once('listening', settle));
    const taken = (other.address() as AddressInfo).port;
    other.unref();
    const identity = await identityFor(home);
    const project = { home, dataDirectory: home, identity, binaries: await findBinaries(home, identity) };
    const free = createServer().listen(0, '127.0.0.1');
    await new Promise((settle) => free.once('listening', settle));
    const { port } = free.address() as AddressInfo;
    await new Promise((settle) => free.close(settle));
    const asked: (number | undefined)[] = [];
    const findPort = async (preferred?: number): Promise<number> => {
      asked.push(preferred);
      return asked.length <= 2 ? taken : port;
    };
    const postmaster = await startPostmaster(project, { durable: false, settings: {} }, taken, findPort);
    expect(postmaster.port).to.equal(port);
    expect(asked).to.deep.equal([taken, undefined, undefined]);
    process.kill(postmaster.pid, 'SIGINT');
    await postmaster.exited;
    other.close();
  });
});
