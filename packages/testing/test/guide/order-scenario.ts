import { idempotencyKey } from '@apiary/core';
import { mock, scenario } from '@apiary/testing';
import { expect } from 'chai';
import { migrations, Orders, Payments } from './orders.js';

/** The payment service: it knows a charge again by its key. */
const charges = new Map<string, number>();
const charge = mock(Payments).charge((_card, cents) => {
  charges.set(idempotencyKey(), cents);
  return 'receipt-1';
});

export default scenario({
  services: [Orders],
  migrations,
  mocks: [charge],
  arrange: (app) => {
    charges.clear();
    return app.knex('stock').insert({ item: 'lamp', left: 7 });
  },
  act: (app) => app.start(Orders, { workflowId: 'order-17' }).place('lamp', 'card-1').result(),
  assert: async (app) => {
    expect([...charges.values()]).to.deep.equal([1900]);
    expect(await app.knex('stock').pluck('left')).to.deep.equal([6]);
  },
});
