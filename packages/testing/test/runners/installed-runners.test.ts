/** Vitest and Jest, where `npm run runners` has installed and compiled their examples. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { testServer, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { here, leftOf, node, toldBy, type Surroundings } from './support.js';

const examples = here('../../../examples');
/** Jest gives its tests a `process` that does not tell them of its end. */
const runners = [
  { name: 'vitest', bin: 'node_modules/vitest/vitest.mjs', args: ['run'], passes: /Tests\s+4 passed \(4\)/, options: [], tellsItsEnd: true },
  { name: 'jest', bin: 'node_modules/jest/bin/jest.js', args: [], passes: /Tests:\s+3 passed, 3 total/, options: ['--experimental-vm-modules'], tellsItsEnd: false },
];
const areInstalled = existsSync(join(examples, 'dist')) && runners.every(({ bin }) => existsSync(join(examples, bin)));

describe('the kit in runners that are installed on demand', () => {
  before(() => testServer());

  it('are there, where they were asked for', () => {
    expect(areInstalled || process.env['APIARY_RUNNERS'] === undefined).to.equal(true);
  });

  for (const { name, bin, args, passes, options, tellsItsEnd } of areInstalled ? runners : []) {
    const run = (env: Surroundings['env'] = {}) => node([...options, join(examples, bin), ...args], { cwd: examples, env: { ...env, NO_COLOR: '1' } });

    it(`${name}: apps of tests that run side by side, and a crash`, async () => {
      const { code, output } = await run();
      expect(output).to.match(passes);
      expect(code).to.equal(0);
    });

    it(`${name}: a test that fails leaves nothing${tellsItsEnd ? '' : ' for longer than until the next test process'}`, async () => {
      const ended = await run({ EXAMPLE: `**/dist/${name}/fails.js` });
      expect(ended.output).to.include('fails, and leaves nothing');
      expect(ended.code).to.equal(1);
      expect(toldBy(ended)).to.match(/^apiary_kit_/);
      await until('nothing of it is left', async () => {
        if (!tellsItsEnd) await node([here('leaves-app.js'), 'by itself']);
        return (await leftOf(toldBy(ended))) === 0;
      });
    });
  }
});
