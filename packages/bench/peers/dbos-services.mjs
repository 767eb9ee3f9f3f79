// The paper's services on DBOS: the same statements and the same load as the other sides.
import { hotelLoad } from '../dist/services/hotel/load.js';
import * as hotel from '../dist/services/hotel/statements.js';
import { retwisLoad } from '../dist/services/retwis/load.js';
import * as retwis from '../dist/services/retwis/statements.js';
import { shopLoad } from '../dist/services/shop/load.js';
import * as shop from '../dist/services/shop/statements.js';

export function services(DBOS, source) {
  const tools = {
    DBOS,
    run: async (text, values) => {
      const named = Object.fromEntries(values.map((value, i) => [`p${i + 1}`, value]));
      return (await source.client.raw(text.replace(/\$(\d)/g, ':p$1'), named)).rows;
    },
    transaction: (name, body) => free(source.registerTransaction(body, { name, isolationLevel: 'read committed' })),
    reader: (name, body) => free(source.registerTransaction(body, { name, isolationLevel: 'read committed', readOnly: true })),
    workflow: (name, body) => free(DBOS.registerWorkflow(body, { name })),
  };
  return { shop: shopLoad(shopOf(tools)), hotel: hotelLoad(hotelOf(tools)), retwis: retwisLoad(retwisOf(tools)) };
}

/** A registered function must not be called as a method of an object that DBOS does not know. */
const free =
  (registered) =>
  (...args) =>
    registered(...args);

function shopOf({ DBOS, run, transaction, reader, workflow }) {
  const search = reader('search', (words) => run(shop.SEARCH, [words]));
  const addToCart = transaction('addToCart', (customer, item) => run(shop.ADD_TO_CART, [customer, item]));
  const place = transaction('place', async (customer) => {
    const [{ total }] = await run(shop.RESERVE, [customer, DBOS.workflowID]);
    await run(shop.CREATE_ORDER, [DBOS.workflowID, customer, total]);
    return total;
  });
  const markPaid = transaction('markPaid', () => run(shop.MARK_PAID, [DBOS.workflowID]));
  const add = transaction('addItem', (name, price) => run(shop.ADD_ITEM, [name, price]));
  const change = transaction('changePrice', (item, price) => run(shop.CHANGE_PRICE, [item, price]));
  return {
    browse: workflow('browse', async (customer, words) => {
      const found = await search(words);
      if (found[0]) await addToCart(customer, found[0].id);
      return found;
    }),
    checkout: workflow('checkout', async (customer) => {
      const total = await place(customer);
      await DBOS.runStep(async () => `charged ${total}`, { name: 'charge' });
      await markPaid();
      return total;
    }),
    addItem: workflow('addItemFlow', (name, price) => add(name, price)),
    changePrice: workflow('changePriceFlow', (item, price) => change(item, price)),
  };
}

function hotelOf({ DBOS, run, transaction, reader, workflow }) {
  const book = transaction('book', async (id, day, customer) => {
    const [room] = await run(hotel.AVAILABLE, [id, day]);
    if (!room || room.free < 1) return false;
    await run(hotel.TAKE, [id, day]);
    await run(hotel.RESERVE, [DBOS.workflowID, id, day, customer]);
    return true;
  });
  return {
    search: reader('hotelSearch', (x, y, day) => run(hotel.SEARCH, [x, y, day])),
    reserve: workflow('reserve', async (id, day, customer) => {
      const booked = await book(id, day, customer);
      if (booked) await DBOS.runStep(async () => `mail to ${customer}`, { name: 'confirm' });
      return booked;
    }),
  };
}

function retwisOf({ run, transaction, reader, workflow }) {
  const post = transaction('post', (user, body) => run(retwis.POST, [user, body]));
  const follow = transaction('follow', (user, other) => run(retwis.FOLLOW, [user, other]));
  return {
    timeline: reader('timeline', (user) => run(retwis.TIMELINE, [user])),
    post: workflow('postFlow', (user, body) => post(user, body)),
    follow: workflow('followFlow', (user, other) => follow(user, other)),
  };
}
