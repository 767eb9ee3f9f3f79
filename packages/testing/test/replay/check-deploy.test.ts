import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestApp, exportHistory, type TestApp } from '@apiary/testing';
import { expect } from 'chai';
import { Journeys, GATEWAY, migrations, Notes } from './journeys.js';

const cli = fileURLToPath(new URL('../../../dist/replay/check-deploy-cli.js', import.meta.url));
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

function run(args: readonly string[], databaseUrl?: string): Promise<{ code: unknown; output: string }> {
  const { DATABASE_URL: _, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [cli, ...args],
      { env: { ...env, ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }) } },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, output: stdout + stderr }),
    );
  });
}

describe('apiary-check-deploy', () => {
  let app: TestApp;
  let folder: string;
  let history: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'histories-'));
    history = join(folder, 'waits.json');
    app = await createTestApp({ services: [Journeys], provide: [[GATEWAY, { send: async () => '' }]], migrations });
    const pending = await app.start(Journeys, { workflowId: 'order-17' }).waits();
    await app.reached(pending, Notes, 'add');
    await app.start(Journeys, { workflowId: 'order-18' }).child('x').result();
    await exportHistory(app, 'order-17', history);
  });
  after(async () => {
    await app[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  it('ends with 0 where all fits: what has not ended of DATABASE_URL, all of it on request', async () => {
    expect(await run([here('deployed.js')], app.connectionString)).to.deep.equal({ code: 0, output: '1 workflow replayed, all fit\n' });
    expect(await run(['--all', here('deployed.js')], app.connectionString)).to.deep.equal({ code: 0, output: '2 workflows replayed, all fit\n' });
  });

  it('ends with 1 and names workflow, step, line, and both calls', async () => {
    const { code, output } = await run(['--database', app.connectionString, here('deployed-changed.js')]);
    expect(output).to.match(
      /^workflow order-17, step 0 \(.*test\/replay\/changed\.ts:\d+:\d+\)\n  recorded  Notes\.add\n  called    Notes\.count\n1 workflow replayed, 1 no longer fit\n$/,
    );
    expect(code).to.equal(1);
  });

  it('takes files instead of a database, or both', async () => {
    expect(await run([here('deployed.js'), history], 'postgres://127.0.0.1:1/none')).to.deep.equal({ code: 0, output: '1 workflow replayed, all fit\n' });
    const both = await run(['--database', app.connectionString, here('deployed-changed.js'), history]);
    expect(both.code).to.equal(1);
    expect(both.output).to.include('2 workflows replayed, 2 no longer fit');
  });

  it('ends with 2 where it cannot check', async () => {
    expect((await run([])).code).to.equal(2);
    expect((await run([here('deployed.js')])).output).to.include('could not check: ');
    expect((await run([here('journeys.js'), history])).output).to.include('exports no `services`');
    expect((await run([here('deployed.js'), here('deployed.js')])).output).to.include('cannot be read as a history');
    expect((await run([here('deployed.js')], 'postgres://127.0.0.1:1/none')).code).to.equal(2);
  });
});
