/** Each runner runs its example in a process of its own. */
import { createRequire } from 'node:module';
import { testServer, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { here, leftOf, node, toldBy } from './support.js';

const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');

describe('the kit in other runners', () => {
  // The server outlives the processes under test.
  before(() => testServer());

  it('mocha, with root hooks', async () => {
    const { code, output } = await node([mocha, '--timeout', '20000', '--require', here('mocha-hooks.js'), here('mocha-example.js')]);
    expect(output).to.include('2 passing');
    expect(code).to.equal(0);
  });

  it('node:test, with await using', async () => {
    const { code, output } = await node(['--test', '--test-reporter=tap', here('node-test-example.js')]);
    expect(output).to.match(/# pass 2/).and.match(/# fail 0/);
    expect(code).to.equal(0);
  });

  for (const [name, args] of [
    ['mocha', [mocha, '--timeout', '20000', '--require', here('mocha-hooks.js'), here('mocha-fails.js')]],
    ['node:test', ['--test', '--test-reporter=tap', here('node-test-fails.js')]],
  ] as const) {
    it(`${name}: a test that fails leaves nothing`, async () => {
      const ended = await node(args);
      expect(ended.output).to.match(/fails, and leaves nothing/);
      expect(ended.code).to.equal(1);
      expect(toldBy(ended)).to.match(/^apiary_kit_/);
      await until('nothing of it is left', async () => (await leftOf(toldBy(ended))) === 0);
    });
  }

  for (const end of ['by itself', 'exit', 'throw']) {
    it(`databases are dropped when the process ends: ${end}`, async () => {
      const { output } = await node([here('leaves-app.js'), end]);
      const [database = ''] = output.split('\n');
      expect(database).to.match(/^apiary_kit_/);
      await until('nothing of it is left', async () => (await leftOf(database)) === 0);
    });
  }

  it('databases of a killed process are dropped by the next one', async () => {
    const { code, output } = await node([here('leaves-app.js'), 'kill']);
    expect(code).to.equal('SIGKILL');
    const [database = ''] = output.split('\n');
    expect(await leftOf(database)).to.equal(2);
    await until('the lock of the dead is free', async () => {
      await node([here('leaves-app.js'), 'by itself']);
      return (await leftOf(database)) === 0;
    });
  });
});
