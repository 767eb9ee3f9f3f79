import { idempotencyKey } from '@apiary/core';
import { exploreInterleavings, mock, scenario, type Scenario, type TestApp } from '@apiary/testing';
import { explore } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Bank, tables } from './support/bank.js';
import { failure } from './support/failure.js';

const accounts = (app: TestApp): Promise<unknown> =>
  app.knex('account').insert([
    { id: 'ada', balance: 10 },
    { id: 'cash', balance: 0 },
  ]);
const balances = (app: TestApp): Promise<unknown> => app.knex('account').orderBy('id').pluck('balance');

/** Two want six of ten: one gets it. */
function withdrawals(method: 'withdraw' | 'withdrawInTwo'): Scenario {
  const told = new Set<string>();
  return scenario({
    services: [Bank],
    migrations: tables,
    mocks: [mock(Bank).tell((what) => (told.add(`${idempotencyKey()} ${what}`), 'heard'))],
    arrange: (app) => (told.clear(), accounts(app)),
    act: (app) => Promise.all(['w1', 'w2'].map((workflowId) => app.start(Bank, { workflowId })[method]('ada', 6).result())),
    assert: async (app) => {
      expect(await balances(app)).to.deep.equal([4, 6]);
      if (method === 'withdraw') expect([...told].map((line) => line.split(' ')[1]).sort()).to.deep.equal(['refused', 'taken']);
    },
  });
}

describe('exploreInterleavings', function () {
  this.timeout(120_000);

  it('runs a right scenario under faults that really happen', async () => {
    const explored = await explore(withdrawals('withdraw'), { seeds: 8 });
    for (const { seed, faults } of explored)
      console.log(
        seed,
        faults.map((f) => `${f.happened ? '+' : '-'} ${f.words}`),
      );
  });

  it('finds a check and an act in two transactions, which need no fault', async () => {
    const message = await failure(exploreInterleavings(withdrawals('withdrawInTwo'), { seeds: 20 }));
    console.log(message);
  });
});
