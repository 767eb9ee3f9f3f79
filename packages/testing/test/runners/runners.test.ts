/** Each runner runs its example in a process of its own. */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { testServer, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import pg from 'pg';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

interface Ended {
  readonly code: number | string | null;
  readonly output: string;
}

function node(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) => resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? null), output: `${stdout}${stderr}` }));
  });
}

async function leftOf(database: string): Promise<number> {
  const owner = database.split('_').slice(0, 3).join('_');
  const client = new pg.Client({ connectionString: await testServer() });
  await client.connect();
  const { rows } = await client.query('select from pg_database where starts_with(datname, $1)', [owner]);
  await client.end();
  return rows.length;
}

describe('the kit in other runners', () => {
  // The server outlives the processes under test.
  before(() => testServer());

  it('mocha, with root hooks', async () => {
    const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
    const { code, output } = await node(mocha, '--timeout', '20000', '--require', here('mocha-hooks.js'), here('mocha-example.js'));
    expect(output).to.include('2 passing');
    expect(code).to.equal(0);
  });

  it('node:test, with await using', async () => {
    const { code, output } = await node('--test', '--test-reporter=tap', here('node-test-example.js'));
    expect(output).to.match(/# pass 2/).and.match(/# fail 0/);
    expect(code).to.equal(0);
  });

  for (const end of ['by itself', 'exit', 'throw']) {
    it(`databases are dropped when the process ends: ${end}`, async () => {
      const { output } = await node(here('leaves-app.js'), end);
      const [database = ''] = output.split('\n');
      expect(database).to.match(/^apiary_kit_/);
      await until('nothing of it is left', async () => (await leftOf(database)) === 0);
    });
  }

  it('databases of a killed process are dropped by the next one', async () => {
    const { code, output } = await node(here('leaves-app.js'), 'kill');
    expect(code).to.equal('SIGKILL');
    const [database = ''] = output.split('\n');
    expect(await leftOf(database)).to.equal(2);
    await until('the lock of the dead is free', async () => {
      await node(here('leaves-app.js'), 'by itself');
      return (await leftOf(database)) === 0;
    });
  });
});
