import { crashShapes, enumerateScenario, failuresOf, summaryOf, tableOf, testServer, type ShapeResult } from '@apiary/testing/internal';
import { expect } from 'chai';

/** All shapes, every statement and the other faults: `npm run crashes`. */
const selection = ['transfer', 'booking', 'family', 'parallel'];

describe('4.3: an executor killed at any write leaves nothing undone and nothing done twice', () => {
  const results: ShapeResult[] = [];

  after(() => console.log(`\n${tableOf(results)}\n`));

  for (const shape of selection) {
    it(`${shape}: SIGKILL before, during and after each write; recovered, it ends as the run to which nothing happened`, async function () {
      this.timeout(600_000);
      const result = await enumerateScenario(crashShapes.get(shape) as URL, { every: 'write', mode: 'kill', server: await testServer() });
      results.push(result);
      const { writes, points, hit, differences } = summaryOf(result);
      expect(failuresOf([result]).join('\n')).to.equal('');
      expect({ points, hit, differences }).to.deep.equal({ points: 3 * writes, hit: points, differences: 0 });
      expect(writes).to.be.above(5);
    });
  }
});
