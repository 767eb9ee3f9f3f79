import { mock } from '@apiary/testing';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Accounts, Mailer, Shop } from './services.js';
import { balances, shop } from './support.js';

describe('crashes', () => {
  for (const point of ['before', 'before record', 'after record'] as const) {
    it(`${point} of the second debit: the workflow ends once, by the recovering executor`, async () => {
      const receipt = mock(Mailer).receipt.returns('sent');
      await using app = await shop({}, [receipt]);
      app.crashAt(Accounts, 'debit', point, 2);
      const handle = await app.start(Shop).buy('a', 'b', 4);
      await app.recover();
      expect(await handle.result()).to.equal(6);
      expect(await balances(app)).to.deep.equal([6, 4]);
      expect(await handle.info()).to.include({ recoveries: 1 });
      expect(receipt.received).to.have.length(1);
    });
  }

  it('leave exactly what was durable at that point', async () => {
    const left: Record<string, unknown> = {};
    for (const point of ['before', 'before record', 'after record'] as const) {
      await using app = await shop();
      app.crashAt(Accounts, 'debit', point, 2);
      const handle = await app.start(Shop).buy('a', 'b', 4);
      await until('the executor is dead', () =>
        handle.status().then(
          () => false,
          () => true,
        ),
      );
      const { rows } = await app.knex.raw<{ rows: { name: string }[] }>('select name from apiary.function_status');
      left[point] = [await balances(app), rows.length];
      await app.recover();
      expect(await handle.result()).to.equal(6);
    }
    expect(left).to.deep.equal({ before: [[6, 0], 1], 'before record': [[6, 0], 1], 'after record': [[6, 4], 2] });
  });

  it("'before' keeps the body of a communicator from running, 'before record' loses what it returned, 'after record' keeps it", async () => {
    const received: number[] = [];
    for (const point of ['before', 'before record', 'after record'] as const) {
      const receipt = mock(Mailer).receipt.returns('sent');
      await using app = await shop({}, [receipt]);
      app.crashAt(Mailer, 'receipt', point);
      const handle = await app.start(Shop).buyAfterMail('a', 1);
      await app.recover();
      expect(await handle.result()).to.equal(9);
      received.push(receipt.received.length);
    }
    expect(received).to.deep.equal([1, 2, 1]);
  });

  it('of a workflow: before its body, before its outcome, after its outcome', async () => {
    for (const point of ['before', 'before record', 'after record'] as const) {
      await using app = await shop();
      app.crashAt(Shop, 'buy', point);
      const handle = await app.start(Shop, { workflowId: 'w' }).buy('a', 'b', 4);
      await app.recover();
      expect(await handle.result()).to.equal(6);
      expect(await balances(app)).to.deep.equal([6, 4]);
    }
  });

  it('now: nothing more of the executor reaches the database, which can still be read', async () => {
    await using app = await shop({}, [mock(Mailer).receipt.hangs().returns('sent')]);
    const handle = await app.start(Shop).buy('a', 'b', 4);
    await app.reached(handle, Accounts, 'debit', 2);
    app.crash();
    expect(await balances(app)).to.deep.equal([6, 4]);
    expect(await handle.status().catch((error: unknown) => error))
      .to.be.an('error')
      .with.property('message')
      .that.includes('recover()');
    const result = handle.result();
    await app.recover();
    expect(await result).to.equal(6);
    expect(await balances(app)).to.deep.equal([6, 4]);
  });

  it('twice: the recovering executor dies as well', async () => {
    await using app = await shop();
    app.crashAt(Accounts, 'debit', 'after record', 1);
    const handle = await app.start(Shop).buy('a', 'b', 4);
    await app.recover();
    app.crash();
    await app.recover();
    expect(await handle.result()).to.equal(6);
    expect(await balances(app)).to.deep.equal([6, 4]);
  });

  it('a direct call goes on with the recovered workflow; one of which nothing was durable is told so', async () => {
    await using app = await shop();
    app.crashAt(Accounts, 'debit', 'before', 2);
    const durable = app.get(Shop).buy('a', 'b', 4);
    await app.recover();
    expect(await durable).to.equal(6);
    app.crashAt(Accounts, 'debit', 'before record');
    const lost = app
      .get(Accounts)
      .debit('a', 1)
      .catch((error: unknown) => error);
    await app.recover();
    expect(await lost)
      .to.be.an('error')
      .with.property('message')
      .that.includes('call again');
    expect(await balances(app)).to.deep.equal([6, 4]);
  });

  it('keep the time of the app and its mocks', async () => {
    await using app = await shop();
    const handle = await app.start(Shop).subscribe('a', 2);
    await app.clock.advance('10 days');
    const before = app.clock.now().getTime();
    app.crash();
    await app.recover();
    expect(app.clock.now().getTime()).to.be.within(before, before + 60_000);
    await app.clock.runToIdle();
    expect(await handle.result()).to.equal(8);
    expect(await app.get(Mailer).receipt('a', 'x')).to.equal('sent');
  });

  it('recover() without a crash is refused', async () => {
    await using app = await shop();
    expect(await app.recover().catch((error: unknown) => error))
      .to.be.an('error')
      .with.property('message')
      .that.includes('nothing to recover');
  });
});

describe('reached', () => {
  it('gives the record of the nth call, at once if it is there', async () => {
    await using app = await shop();
    const handle = await app.start(Shop).buy('a', 'b', 4);
    expect(await app.reached(handle, Accounts, 'debit', 2)).to.include({ stepId: '1', output: 4 });
    await handle.result();
    expect(await app.reached(handle, Mailer, 'receipt')).to.include({ output: 'sent' });
  });

  it('fails when the workflow ended without the call, and says what it called', async () => {
    await using app = await shop();
    const handle = await app.start(Shop).buy('a', 'b', 4);
    const error = await app.reached(handle, Accounts, 'debit', 3).catch((e: unknown) => e);
    expect(error).to.be.an('error').with.property('message').that.includes('Accounts.debit, Accounts.debit, Mailer.receipt');
  });
});
