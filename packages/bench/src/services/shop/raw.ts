import type { Operation } from '../../engine/engine.js';
import { uuid7 } from '../../engine/uuid7.js';
import type { RawSteps } from '../../engines/raw/steps.js';
import { type Shop, shopLoad } from './load.js';
import { ADD_ITEM, ADD_TO_CART, CHANGE_PRICE, CREATE_ORDER, MARK_PAID, RESERVE, SEARCH } from './statements.js';

/** The shop by hand. */
class RawShop implements Shop {
  readonly #steps: RawSteps;

  constructor(steps: RawSteps) {
    this.#steps = steps;
  }

  async browse(customer: number, words: string): Promise<unknown> {
    const found = await this.#steps.read<{ id: number }>({ name: 'shop-search', text: SEARCH, values: [words] });
    const [first] = found;
    if (!first) return found;
    await this.#write('shop-add-to-cart', ADD_TO_CART, [customer, first.id]);
    return found;
  }

  async checkout(customer: number): Promise<number> {
    const id = uuid7();
    const total = await this.#steps.transaction(id, 0, async (client) => {
      const { rows } = await client.query<{ total: number }>({ name: 'shop-reserve', text: RESERVE, values: [customer, id] });
      const sum = rows[0]?.total ?? 0;
      await client.query({ name: 'shop-create-order', text: CREATE_ORDER, values: [id, customer, sum] });
      return sum;
    });
    await this.#steps.communicator(id, 1, async () => `charged ${total}`);
    await this.#steps.transaction(id, 2, async (client) => (await client.query({ name: 'shop-mark-paid', text: MARK_PAID, values: [id] })).rowCount);
    return total;
  }

  addItem(name: string, price: number): Promise<unknown> {
    return this.#write('shop-add-item', ADD_ITEM, [name, price]);
  }

  changePrice(item: number, price: number): Promise<unknown> {
    return this.#write('shop-change-price', CHANGE_PRICE, [item, price]);
  }

  #write(name: string, text: string, values: unknown[]): Promise<unknown> {
    return this.#steps.transaction(uuid7(), 0, async (client) => (await client.query({ name, text, values })).rowCount);
  }
}

export const rawShop = (steps: RawSteps): Operation => shopLoad(new RawShop(steps));
