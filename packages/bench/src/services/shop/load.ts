import type { Operation } from '../../engine/engine.js';
import { Random } from '../../engine/random.js';
import { CUSTOMERS, ITEMS, WORDS } from './tables.js';

/** What a client of the shop can ask for. Each engine implements it. */
export interface Shop {
  /** Finds items by the start of their name and puts the first into the cart. */
  browse(customer: number, words: string): Promise<unknown>;
  /** Turns the cart into a paid order: reserve the stock, charge the card, mark as paid. */
  checkout(customer: number): Promise<unknown>;
  addItem(name: string, price: number): Promise<unknown>;
  changePrice(item: number, price: number): Promise<unknown>;
}

/** 90 % search and add to cart, 8 % checkout, 1 % each change of the catalogue. */
export function shopLoad(shop: Shop): Operation {
  return (draw) => {
    const random = new Random(draw);
    const share = random.below(100);
    const customer = 1 + random.below(CUSTOMERS);
    if (share < 90) return shop.browse(customer, `${word(random)} ${word(random)}`);
    if (share < 98) return shop.checkout(customer);
    if (share < 99) return shop.addItem(`${word(random)} ${word(random)} ${draw}`, 100 + random.below(900));
    return shop.changePrice(1 + random.below(ITEMS), 100 + random.below(900));
  };
}

const word = (random: Random): string => WORDS[random.below(WORDS.length)] ?? '';
