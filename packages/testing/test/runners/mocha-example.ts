import '@apiary/testing/chai';
import { expect } from 'chai';
import { Counter } from './counter.js';

describe('Counter, with root hooks', () => {
  for (const by of [1, 2]) {
    it(`counts from nothing in each test: ${by}`, async function () {
      const handle = await this.app.start(Counter).addTwice('visits', by);
      await expect(handle).to.complete.with(2 * by);
    });
  }
});
