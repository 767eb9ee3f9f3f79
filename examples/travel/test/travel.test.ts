import { expect } from 'chai';
import { requestsFor } from '#travel/flights.js';
import { misspell } from '#travel/misspell.js';
import { isRight } from '#travel/report.js';
import { seatsOfFlight } from '#travel/tables.js';
import { travel } from '#travel/travel.js';
import { databaseName, holdServer, runMain } from './support.js';

describe('travel: ten thousand bookings, in small', function () {
  this.timeout(240_000);
  holdServer();

  it('books each flight exactly once although workers are killed with SIGKILL in the middle of their work', async () => {
    const real = requestsFor(300);
    const popular = real[0]!;
    const asked = real.filter(({ from, to }) => from === popular.from && to === popular.to).length;
    const crowd = Array.from({ length: seatsOfFlight }, () => popular); // together with the real ones more than there are seats
    const requests = misspell([...real, ...crowd], 5);
    const done = await travel({ requests, database: databaseName, kills: 2, workers: 2, window: 24, seed: 3 });
    expect(done.audit.lost).to.deep.equal([]);
    expect(done.audit.doubled).to.deep.equal([]);
    expect(done.audit).to.include({
      booked: 300 + crowd.length - asked,
      soldOut: asked,
      refused: 5,
      seats: 320 - asked,
      charges: 320 - asked,
      tickets: 320 - asked,
    });
    expect(done.audit.mails).to.be.at.least(320 - asked);
    // The faults happened: the workers died by the signal, with bookings under way, and others finished some of those.
    expect(done.kills.map(({ signal }) => signal)).to.deep.equal(['SIGKILL', 'SIGKILL']);
    for (const { underWay } of done.kills) expect(underWay).to.be.above(0);
    expect(done.history.recovered).to.be.above(0);
    expect(done.history).to.include({ workflows: 320, unfinished: 0 });
    expect(isRight(done)).to.equal(true);
    expect(done.kept).to.equal(undefined);
  });

  it('exits with 0 and the table when all is right', async () => {
    const { code, output } = await runMain('--flights', '100', '--misspelt', '3', '--kills', '1', '--window', '8');
    expect(output)
      .to.match(/^killed worker \d+ with SIGKILL/m)
      .and.to.match(/^ {2}bookings +100 /m)
      .and.to.match(/^ {2}refused +3 /m);
    expect(output)
      .to.match(/^ {2}lost +0$/m)
      .and.to.match(/^ {2}doubled +0$/m)
      .and.to.match(/^Next: /m);
    expect(code, output).to.equal(0);
  });

  it('exits with 1 when something is doubled', async () => {
    const { code, output } = await runMain('--flights', '40', '--misspelt', '0', '--kills', '0', '--plant', 'double');
    expect(output)
      .to.match(/^ {2}lost +0$/m)
      .and.to.match(/^ {2}doubled +1$/m)
      .and.to.match(/booking-\d+: 2 tickets/);
    expect(code, output).to.equal(1);
  });

  it('exits with 1 when something is lost', async () => {
    const { code, output } = await runMain('--flights', '40', '--misspelt', '0', '--kills', '0', '--plant', 'lost');
    expect(output)
      .to.match(/^ {2}lost +1$/m)
      .and.to.match(/^ {2}doubled +0$/m)
      .and.to.match(/booking-\d+: no ticket/);
    expect(code, output).to.equal(1);
  });

  it('exits with 2 and the usage for options that cannot be', async () => {
    for (const [args, message] of [
      [['--flights', '0'], /--flights 0: a whole number from 1/],
      [['--kills', '9', '--flights', '40'], /--kills 9/],
      [['--nothing'], /--nothing/],
      [['--plant', 'x'], /--plant x/],
    ] as const) {
      const { code, output } = await runMain(...args);
      expect(output).to.match(message).and.to.include('--flights N');
      expect(code).to.equal(2);
    }
  });
});
