import { type Apiary, Communicator, Service, sql, Transaction, Workflow, workflowId } from '@apiary/core';
import type { Operation } from '../../engine/engine.js';
import { type Shop, shopLoad } from './load.js';

export interface Found {
  readonly id: number;
  readonly name: string;
  readonly price: number;
}

class Catalogue {
  @Transaction({ readOnly: true })
  async search(words: string): Promise<Found[]> {
    return await sql<Found>`select id, name, price from shop_item where name like ${words} || '%' order by name limit 10`;
  }

  @Transaction()
  async addItem(name: string, price: number): Promise<number> {
    return (await sql<{ id: number }>`insert into shop_item (name, price, stock) values (${name}, ${price}, 1000000) returning id`.one()).id;
  }

  @Transaction()
  async changePrice(item: number, price: number): Promise<number> {
    return await sql`update shop_item set price = ${price} where id = ${item}`.count();
  }
}

class Orders {
  @Transaction()
  async addToCart(customer: number, item: number): Promise<number> {
    return await sql`
      insert into shop_cart (customer, item, quantity) values (${customer}, ${item}, 1)
      on conflict (customer, item) do update set quantity = shop_cart.quantity + 1`.count();
  }

  /** Empties the cart into the lines of an order and takes the stock. */
  @Transaction()
  async place(customer: number): Promise<number> {
    const order = workflowId();
    const { total } = await sql<{ total: number }>`
      with cart as (delete from shop_cart where customer = ${customer} returning item, quantity),
           locked as (select i.id, i.price, c.quantity from shop_item i join cart c on c.item = i.id order by i.id for update of i),
           taken as (update shop_item i set stock = i.stock - l.quantity from locked l where i.id = l.id returning i.id, l.quantity, l.price),
           lines as (insert into shop_line (order_id, item, quantity, price) select ${order}, id, quantity, price from taken returning quantity * price as amount)
      select coalesce(sum(amount), 0)::int as total from lines`.one();
    await sql`insert into shop_order (id, customer, total, status) values (${order}, ${customer}, ${total}, 'open')`;
    return total;
  }

  @Transaction()
  async markPaid(): Promise<number> {
    return await sql`update shop_order set status = 'paid' where id = ${workflowId()}`.count();
  }

  @Communicator()
  async charge(total: number): Promise<string> {
    return `charged ${total}`;
  }
}

/** The shop on Apiary. */
@Service()
export class ShopService implements Shop {
  constructor(
    private readonly catalogue: Catalogue,
    private readonly orders: Orders,
  ) {}

  @Workflow()
  async browse(customer: number, words: string): Promise<Found[]> {
    const found = await this.catalogue.search(words);
    const [first] = found;
    if (first) await this.orders.addToCart(customer, first.id);
    return found;
  }

  @Workflow()
  async checkout(customer: number): Promise<number> {
    const total = await this.orders.place(customer);
    await this.orders.charge(total);
    await this.orders.markPaid();
    return total;
  }

  addItem(name: string, price: number): Promise<number> {
    return this.catalogue.addItem(name, price);
  }

  changePrice(item: number, price: number): Promise<number> {
    return this.catalogue.changePrice(item, price);
  }
}

export const apiaryShop = (app: Apiary): Operation => shopLoad(app.get(ShopService));
