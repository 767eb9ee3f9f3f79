import { enumerateCrashes, exploreInterleavings } from '@apiary/testing';
import order from './order-scenario.js';

describe('an order', () => {
  it('is right wherever the process dies', async () => {
    await enumerateCrashes(order);
  }).timeout('2 minutes');

  it('is right whoever does it, and whatever happens between them', async () => {
    await exploreInterleavings(order, { seeds: 5 });
  }).timeout('2 minutes');
});
