import { enumerateScenario, failuresOf, testServer } from '@apiary/testing/internal';
import { expect } from 'chai';

const module = (name: string): URL => new URL(`./support/${name}.js`, import.meta.url);

describe('the enumeration of crash points', () => {
  it('finds an effect that is repeated with the act', async function () {
    this.timeout(180_000);
    const result = await enumerateScenario(module('careless'), { every: 'write', mode: 'kill', server: await testServer(), untilFound: true });
    expect(failuresOf([result]).join('\n')).to.include('extra: row of paid {"what":"carelessly"}');
  });

  it('refuses a scenario that leaves no row of its own to compare', async function () {
    this.timeout(180_000);
    const failed = await enumerateScenario(module('idle'), { every: 'write', mode: 'kill', server: await testServer() }).catch((error: unknown) => error);
    expect(failed).to.be.instanceOf(Error).with.property('message').that.includes('there is nothing to compare');
  });
});
