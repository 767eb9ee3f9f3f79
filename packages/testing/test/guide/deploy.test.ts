import { createTestApp, checkInvariants, exportHistory, mock, replayCheck } from '@apiary/testing';
import '@apiary/testing/chai';
import { expect } from 'chai';
import { migrations, Orders, Payments } from './orders.js';

const golden = new URL('../../guide/histories/order-17.json', import.meta.url);

describe('Orders, as deployed', () => {
  it('can go on with an order that an earlier release began', async () => {
    const { checked, problems } = await replayCheck({ services: [Orders], files: [golden] });
    expect(problems).to.deep.equal([]);
    expect(checked).to.equal(1);
  });

  it('leaves nothing undone or held', async () => {
    const charge = mock(Payments).charge.returns('receipt-1');
    await using app = await createTestApp({ services: [Orders], migrations, mocks: [charge] });
    await app.knex('stock').insert({ item: 'lamp', left: 7 });
    const order = await app.start(Orders, { workflowId: 'order-17' }).place('lamp', 'card-1');
    await app.clock.runToIdle();
    await expect(order).to.complete;
    await checkInvariants(app);
    if (process.env['UPDATE_HISTORIES'] !== undefined) await exportHistory(app, 'order-17', golden);
  });
});
