import { expect } from 'chai';
import { Shop } from './services.js';
import { balances, shop } from './support.js';

const dayMs = 86_400_000;

describe('app.clock', () => {
  it('advance runs all that becomes due, one after the other', async () => {
    await using app = await shop();
    const handle = await app.start(Shop).subscribe('a', 3);
    await app.clock.advance('60 days');
    expect(await handle.status()).to.equal('PENDING');
    expect(await balances(app)).to.deep.equal([7, 0]);
    await app.clock.advance('30 days');
    expect(await handle.status()).to.equal('SUCCESS');
  });

  it('moves by what it was told, and the database and other apps stay', async () => {
    await using app = await shop();
    await using other = await shop();
    const before = app.clock.now().getTime();
    await app.clock.advance('3 days');
    expect(app.clock.now().getTime() - before).to.be.within(3 * dayMs, 3 * dayMs + 60_000);
    expect(other.clock.now().getTime() - before).to.be.below(60_000);
    const {
      rows: [row],
    } = await app.knex.raw<{ rows: { now: Date }[] }>('select now()');
    expect((row?.now.getTime() ?? 0) - before).to.be.below(60_000);
  });

  it('runToIdle ends a workflow of ten months, sleep by sleep', async () => {
    await using app = await shop();
    const handle = await app.start(Shop).subscribe('a', 10);
    const before = app.clock.now().getTime();
    await app.clock.runToIdle();
    expect(await handle.status()).to.equal('SUCCESS');
    expect(await handle.result()).to.equal(0);
    expect(app.clock.now().getTime() - before).to.be.at.least(300 * dayMs);
  });

  it('runToIdle stops at its bound', async () => {
    await using app = await shop();
    const handle = await app.start(Shop).subscribe('a', 10);
    await app.clock.runToIdle('70 days');
    expect(await handle.status()).to.equal('PENDING');
    expect(await balances(app)).to.deep.equal([7, 0]);
  });

  it('drives deadlines, and sleeps too short to leave memory', async () => {
    await using app = await shop();
    const waits = await app.start(Shop).wait();
    const naps = await app.start(Shop).nap();
    await app.clock.advance('4 seconds');
    expect(await naps.status()).to.equal('SUCCESS');
    expect(await waits.status()).to.equal('PENDING');
    await app.clock.advance('2 days');
    expect(await waits.result().catch((error: unknown) => error)).to.have.property('code', 'DEADLINE');
  });

  it('leaves the lease alone: after ten years the executor goes on', async () => {
    await using app = await shop();
    await app.clock.advance('3650 days');
    expect(await app.get(Shop).buy('a', 'b', 1)).to.equal(9);
    const { rows } = await app.knex.raw<{ rows: { fenced: boolean }[] }>('select fenced from apiary.executor');
    expect(rows).to.deep.equal([{ fenced: false }]);
  });
});
