import '@apiary/testing/chai';
import { NonRetryableError } from '@apiary/core';
import { mock, type TestApp } from '@apiary/testing';
import { AssertionError, expect } from 'chai';
import { Accounts, Mailer, Shop } from './services.js';
import { shop } from './support.js';

async function messageOf(promise: PromiseLike<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    expect(error).to.be.instanceOf(AssertionError);
    return (error as Error).message;
  }
  throw new Error('the assertion held');
}

describe('the chai assertions', () => {
  let app: TestApp;
  beforeEach(async () => {
    app = await shop();
  });
  afterEach(() => app[Symbol.asyncDispose]());

  it('complete: with a result and without; says how it failed, or shows the difference', async () => {
    const handle = await app.start(Shop).buy('a', 'b', 4);
    await expect(handle).to.complete;
    await expect(handle).to.complete.with(6);
    expect(await messageOf(expect(handle).to.complete.with(7))).to.include('to complete with 7, but it did with 6');
    expect(await messageOf(expect(handle).not.to.complete)).to.include('not to complete');
    const fails = await app.start(Shop).fails();
    expect(await messageOf(expect(fails).to.complete)).to.include('out of stock');
  });

  it('fail: by code, text, pattern, class or fields', async () => {
    const handle = await app.start(Shop).fails();
    await expect(handle).to.fail;
    await expect(handle).to.fail.with('out of stock');
    await expect(handle).to.fail.with(/stock$/);
    await expect(handle).to.fail.with(TypeError);
    await expect(handle).to.fail.with({ name: 'TypeError', message: 'out of stock' });
    expect(await messageOf(expect(handle).to.fail.with('CANCELLED'))).to.include('out of stock');
    expect(await messageOf(expect(handle).to.fail.with(RangeError))).to.include('RangeError');
    expect(await messageOf(expect(handle).to.fail.with({ message: 'else' }))).to.include('else');
    const fine = await app.start(Shop).buy('a', 'b', 1);
    expect(await messageOf(expect(fine).to.fail)).to.include('it completed with 9');
    const refused = app.get(Mailer).refuse();
    expect(await refused.catch((error: unknown) => error))
      .to.be.an('error')
      .with.property('name', NonRetryableError.name);
  });

  it('steps: the names in their order', async () => {
    const handle = await app.start(Shop).buy('a', 'b', 4);
    await expect(handle).to.complete;
    await expect(handle).to.have.steps(['Accounts.debit', 'Accounts.debit', 'Mailer.receipt']);
    expect(await messageOf(expect(handle).to.have.steps(['Mailer.receipt']))).to.include('steps');
  });

  it('run: how often and with what', async () => {
    await expect(app).not.to.have.run(Mailer, 'receipt');
    await app.get(Shop).buy('a', 'b', 4);
    await expect(app).to.have.run(Mailer, 'receipt');
    await expect(app).to.have.run(Accounts, 'debit').times(2);
    await expect(app).to.have.run(Mailer, 'receipt').with('a', '6 left');
    expect(await messageOf(expect(app).to.have.run(Accounts, 'debit').times(3))).to.include('to have run 3 times, but it ran 2 times');
    expect(await messageOf(expect(app).to.have.run(Mailer, 'receipt').with('b', 'x'))).to.include('Mailer.receipt to have run with');
    expect(await messageOf(expect(app).to.have.run(Accounts, 'balance'))).to.include('to have run');
  });

  it('run: attempts of a communicator count, replays do not', async () => {
    await using other = await shop({}, [mock(Mailer).receipt.throws(new Error('down'), 2).returns('sent')]);
    other.crashAt(Accounts, 'debit', 'after record', 2);
    const handle = await other.start(Shop).buy('a', 'b', 4);
    await other.recover();
    await other.clock.runToIdle();
    await expect(handle).to.complete.with(6);
    await expect(other).to.have.run(Mailer, 'receipt').times(3);
    await expect(other).to.have.run(Accounts, 'debit').times(2);
    await expect(other).to.have.run(Shop, 'buy').times(1);
  });

  it('one that nobody awaited fails when its app is disposed', async () => {
    const other = await shop();
    const handle = await other.start(Shop).buy('a', 'b', 4);
    await expect(handle).to.complete;
    void expect(handle).to.complete.with(999);
    const error = await other[Symbol.asyncDispose]().then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).to.be.an('error').with.property('message').that.includes('was not awaited');
  });
});
