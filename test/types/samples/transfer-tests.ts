/** Unit, integration and crash tests of the transfer service; mocha and chai, but any runner does. */
import { createTestApp, enumerateCrashes, exploreInterleavings, mock, scenario, unmanaged } from '@apiary/testing';
import '@apiary/testing/chai';
import { expect } from 'chai';
import type { Knex } from 'knex';
import { Accounts, Mailer, Transfers } from './transfer.js';

const migrations = async (knex: Knex) => {
  await knex.schema.createTable('account', (t) => {
    t.text('id').primary();
    t.integer('balance');
  });
};
const [from, to] = ['7f8c2b86-0c25-4b1c-9a8e-3f7d0a5ad1a1', '0b9ad6f2-7a0e-4a53-8b1e-6f0f5f0e8e11'];

describe('Transfers', () => {
  it('moves money and sends one receipt, though the mail server fails twice', async () => {
    const receipt = mock(Mailer).receipt.throws(new Error('smtp down'), 2).returns(undefined);
    await using app = await createTestApp({ services: [Transfers], migrations, mocks: [receipt], unmocked: 'refuse' });
    await app.knex('account').insert([
      { id: from, balance: 10 },
      { id: to, balance: 0 },
    ]);

    const handle = await app.start(Transfers).transfer({ from, to, amount: 4 });
    await app.clock.runToIdle();

    await expect(handle).to.complete.with(6);
    await expect(handle).to.have.steps(['Accounts.debit', 'Accounts.debit', 'Mailer.receipt']);
    await expect(app).to.have.run(Accounts, 'debit').times(2);
    expect(receipt.received).to.deep.equal([[from, '6 left']]);
  });

  it('survives a crash between the two debits', async () => {
    const receipt = mock(Mailer).receipt(async (recipient, text) => {
      recipient.concat(text);
    });
    await using app = await createTestApp({ services: [Transfers], migrations, mocks: [receipt] });
    app.crashAt(Accounts, 'debit', 'after record', 1);
    const handle = await app.start(Transfers, { workflowId: 't' }).transfer({ from, to, amount: 4 });
    await app.recover();
    await app.reached(handle, Mailer, 'receipt');
    await expect(handle).to.complete;
  });

  const work = scenario({
    services: [Transfers],
    migrations,
    mocks: [mock(Mailer).receipt.returns(undefined)],
    arrange: (app) =>
      app.knex('account').insert([
        { id: from, balance: 10 },
        { id: to, balance: 0 },
      ]),
    act: (app) => app.start(Transfers, { workflowId: 't' }).transfer({ from, to, amount: 4 }).result(),
    assert: async (app) => expect(await app.knex('account').sum('balance as sum').first()).to.deep.equal({ sum: '10' }),
  });

  it('is right whatever the crash', async () => {
    const report = await enumerateCrashes(work, { twice: true });
    expect(report.points).to.be.greaterThan(20);
  });

  it('is right whoever does it', async () => {
    const { seeds } = await exploreInterleavings(work, { seeds: [1, 2, 3], executors: 3 });
    expect(seeds).to.equal(3);
  });

  it('adds up, as plain code', async () => {
    class NoAccounts extends Accounts {
      override async debit(_id: string, amount: number): Promise<number> {
        return 10 - amount;
      }
    }
    expect(await unmanaged(new Transfers(new NoAccounts(), { receipt: async () => {} })).transfer({ from, to, amount: 4 })).to.equal(6);
  });
});
