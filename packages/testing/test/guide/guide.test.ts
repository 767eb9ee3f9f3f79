import { readFileSync } from 'node:fs';
import { expect } from 'chai';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8').trimEnd();

describe('docs/testing.md', () => {
  const guide = read('../../../../../docs/testing.md');
  const files = [
    '../../guide/orders.ts',
    '../../guide/orders.test.ts',
    '../../guide/order-scenario.ts',
    '../../guide/order-scenario.test.ts',
    '../../guide/deploy.test.ts',
    '../../runners/mocha-hooks.ts',
    '../../../examples/vitest/counter.test.ts',
    '../../../examples/vitest/fixture.test.ts',
    '../../../examples/jest/counter.test.ts',
  ];

  for (const file of files) {
    it(`shows the code that runs here: ${file.split('/').slice(3).join('/')}`, () => {
      expect(guide).to.include(`\`\`\`ts\n${read(file)}\n\`\`\``);
    });
  }

  it('needs under 60 lines from nothing to a crash-proof workflow', () => {
    const lines = files.slice(0, 2).reduce((sum, file) => sum + read(file).split('\n').length, 0);
    expect(lines).to.be.below(60);
  });
});
