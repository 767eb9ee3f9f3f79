import { createTestApp, mock } from '@apiary/testing';
import '@apiary/testing/chai';
import { expect } from 'chai';
import { migrations, Orders, Payments } from './orders.js';

describe('Orders', () => {
  it('charges once and takes one from the stock, though the payment service fails twice and the process dies', async () => {
    const charge = mock(Payments).charge.throws(new Error('503'), 2).returns('receipt-1');
    await using app = await createTestApp({ services: [Orders], migrations, mocks: [charge], unmocked: 'refuse' });
    await app.knex('stock').insert({ item: 'lamp', left: 7 });

    app.crashAt(Orders, 'take', 'after record');
    const order = await app.start(Orders, { workflowId: 'order-17' }).place('lamp', 'card-1');
    await app.recover();
    await app.clock.runToIdle();

    await expect(order).to.complete.with('receipt-1');
    await expect(order).to.have.steps(['Orders.take', 'Payments.charge', 'sleep']);
    await expect(app).to.have.run(Payments, 'charge').times(3);
    expect(charge.received[0]).to.deep.equal(['card-1', 1900]);
    expect(await app.knex('stock').pluck('left')).to.deep.equal([6]);
  });
});
