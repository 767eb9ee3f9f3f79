import { expect } from 'chai';
import { Client, type Line } from '#travel/client/client.js';
import type { Outcome, ToWorker } from '#travel/messages.js';

const request = { from: 'DTW', to: 'LAS', departure: '2001/01/01 00:47', miles: 1750 };
const outcome: Outcome = { kind: 'booked', booking: { soldOut: true } };

function line(): Line & { readonly heard: string[] } {
  const heard: string[] = [];
  return { heard, send: (message: ToWorker) => heard.push('n' in message ? `${message.type} ${message.n}` : message.type) };
}

describe('travel: the client', () => {
  it('asks a new worker again for what a lost one had not acknowledged, and only waits for what it had', () => {
    const [first, second] = [line(), line()];
    const client = new Client([request, request, request], 3, () => {});
    client.join(first);
    expect(first.heard).to.deep.equal(['book 0', 'book 1', 'book 2']);
    client.hear(first, { type: 'accepted', n: 0 });
    client.hear(first, { type: 'accepted', n: 1 });
    client.hear(first, { type: 'settled', n: 1, outcome });
    expect(client.workOf(first)).to.equal(2);
    client.leave(first);
    client.join(second);
    expect(second.heard).to.deep.equal(['watch 0', 'book 2']);
    expect(client.askedAgain).to.equal(1);
  });

  it('keeps a bounded number under way at one worker, and those it waits for do not count', () => {
    const [first, second] = [line(), line()];
    const client = new Client(
      Array.from({ length: 5 }, () => request),
      2,
      () => {},
    );
    client.join(first);
    expect(first.heard).to.deep.equal(['book 0', 'book 1']);
    client.hear(first, { type: 'accepted', n: 0 });
    client.hear(first, { type: 'accepted', n: 1 });
    client.leave(first);
    client.join(second);
    expect(second.heard).to.deep.equal(['watch 0', 'watch 1', 'book 2', 'book 3']);
    client.hear(second, { type: 'settled', n: 0, outcome });
    expect(second.heard).to.have.length(4);
    client.hear(second, { type: 'settled', n: 2, outcome });
    expect(second.heard.slice(4)).to.deep.equal(['book 4']);
  });

  it('is finished when each request has an outcome', async () => {
    const worker = line();
    let settled = 0;
    const client = new Client([request, request], 2, () => settled++);
    client.join(worker);
    client.hear(worker, { type: 'settled', n: 1, outcome });
    client.hear(worker, { type: 'settled', n: 0, outcome });
    await client.finished;
    expect([settled, client.outcomes.size]).to.deep.equal([2, 2]);
  });
});
