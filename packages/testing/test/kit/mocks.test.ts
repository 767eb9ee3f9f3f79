import { Communicator, isApiaryError, Service, Workflow } from '@apiary/core';
import { createTestApp, mock } from '@apiary/testing';
import { expect } from 'chai';
import { Accounts, MailClient, Mailer, Shop } from './services.js';
import { balances, shop } from './support.js';

@Service()
class Steps {
  @Communicator()
  async unmocked(): Promise<string> {
    return 'real';
  }
  @Communicator()
  static async fixed(): Promise<string> {
    return 'real';
  }
}

@Service()
class Flow {
  constructor(private readonly steps: Steps) {}

  @Workflow()
  async run(): Promise<string> {
    return this.steps.unmocked();
  }
  @Workflow()
  async runStatic(): Promise<string> {
    return Steps.fixed();
  }
}

describe('mocks', () => {
  it('replace a communicator; the transactions stay real', async () => {
    const receipt = mock(Mailer).receipt(async (to, text) => `${to}: ${text}`);
    await using app = await shop({}, [receipt]);
    expect(await app.get(Shop).buy('a', 'b', 4)).to.equal(6);
    expect(receipt.method).to.equal('Mailer.receipt');
    expect(receipt.received).to.deep.equal([['a', '6 left']]);
    expect(await balances(app)).to.deep.equal([6, 4]);
  });

  it('chain their behaviours, the last one stays, and received counts the attempts', async () => {
    const receipt = mock(Mailer).receipt.throws(new Error('smtp down'), 2).returns('first', 'later');
    await using app = await shop({}, [receipt]);
    const handle = await app.start(Shop).buy('a', 'b', 1);
    await app.clock.runToIdle();
    expect(await handle.result()).to.equal(9);
    expect(receipt.received).to.deep.equal(Array.from({ length: 3 }, () => ['a', '9 left']));
    const outputs = [(await handle.steps())[2]?.output];
    for (let i = 0; i < 2; i++) outputs.push(await app.get(Mailer).receipt('x', 'y'));
    expect(outputs).to.deep.equal(['first', 'later', 'later']);
  });

  it('hang until the time-out aborts the attempt, which is then tried again', async () => {
    const receipt = mock(Mailer).receipt.hangs().returns('sent');
    await using app = await shop({}, [receipt]);
    const handle = await app.start(Shop).buy('a', 'b', 1);
    await app.clock.advance('59 seconds');
    expect(receipt.received).to.have.length(1);
    await app.clock.runToIdle();
    expect(await handle.result()).to.equal(9);
    expect((await handle.steps())[2]).to.include({ attempts: 2, output: 'sent' });
  });

  it('refuse the unmocked with UNMOCKED at the call, without a retry and without a record', async () => {
    await using app = await createTestApp({ services: [Flow], unmocked: 'refuse' });
    const handle = await app.start(Flow).run();
    const error = await handle.result().catch((e: unknown) => e);
    expect(isApiaryError(error, 'UNMOCKED') && error.details.method).to.equal('Steps.unmocked');
    expect(await handle.steps()).to.deep.equal([]);
    app.mock(mock(Steps).unmocked.returns('mocked'));
    expect(await app.get(Flow).run()).to.equal('mocked');
    const direct = await app
      .get(Flow)
      .runStatic()
      .catch((e: unknown) => e);
    expect(direct).to.have.property('code', 'UNMOCKED');
  });

  it('replace static methods, and run what is not mocked', async () => {
    await using app = await createTestApp({ services: [Flow], mocks: [mock(Steps).fixed.returns('mocked')] });
    expect(await app.get(Flow).runStatic()).to.equal('mocked');
    expect(await app.get(Flow).run()).to.equal('real');
  });

  it('replace methods without a decorator, on this app only', async () => {
    const deliver = mock(MailClient).deliver.returns('faked');
    await using app = await shop({}, [deliver]);
    await using other = await shop({}, []);
    expect(await app.get(Mailer).receipt('a', 'x')).to.equal('faked');
    expect(deliver.received).to.deep.equal([['a']]);
    expect(await other.get(Mailer).receipt('a', 'x')).to.equal('really sent');
  });

  it('later ones win, and one of a class that the app has not is refused', async () => {
    await using app = await shop();
    app.mock(mock(Mailer).receipt.returns('newer'));
    expect(await app.get(Mailer).receipt('a', 'x')).to.equal('newer');
    expect(() => app.mock(mock(Flow).run.returns('x')))
      .to.throw()
      .with.property('code', 'NOT_A_SERVICE');
  });

  it('in a @Transaction run in the real transaction', async () => {
    await using app = await shop({}, [mock(Accounts).debit.returns(5), mock(Mailer).receipt.returns('sent')]);
    const handle = await app.start(Shop).buy('a', 'b', 4);
    expect(await handle.result()).to.equal(5);
    expect(await balances(app)).to.deep.equal([10, 0]);
    expect((await handle.steps()).map((step) => step.kind)).to.deep.equal(['transaction', 'transaction', 'communicator']);
  });
});
