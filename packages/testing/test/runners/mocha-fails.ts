import { expect } from 'chai';
import { Counter } from './counter.js';

it('fails, and leaves nothing', async function () {
  process.stdout.write(`database ${new URL(this.app.connectionString).pathname.slice(1)}\n`);
  expect(await this.app.get(Counter).addTwice('visits', 1)).to.equal(3);
});
