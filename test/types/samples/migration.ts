/** An existing application on Knex takes up Apiary: its Knex, its repositories and its transactions stay. */
import { createServer } from 'node:http';
import { Apiary, Communicator, Service, Transaction, Workflow, db, isApiaryError } from '@apiary/core';
import knex, { type Knex } from 'knex';

// as it was --------------------------------------------------------------------------------------
const database = knex({ client: 'pg', connection: process.env['DATABASE_URL'] ?? 'postgres://localhost/shop' });

class OrderRepository {
  constructor(private readonly knex: Knex) {}
  async create(customer: string, cents: number): Promise<string> {
    const [row] = await this.knex('orders').insert({ customer, cents, state: 'placed' }).returning('id');
    if (!row) throw new Error('no row');
    return row.id;
  }
  find(id: string) {
    return this.knex('orders').where({ id }).first();
  }
}
async function markPaid(trx: Knex.Transaction, id: string) {
  await trx('orders').where({ id }).update({ state: 'paid' });
}

// new ---------------------------------------------------------------------------------------------
class Pay {
  @Communicator()
  async charge(order: string, cents: number): Promise<void> {
    await fetch('https://pay.example', { method: 'POST', body: JSON.stringify({ order, cents }) });
  }
}

@Service()
class Checkout {
  private readonly orders = new OrderRepository(db); // `db` is a Knex
  constructor(private readonly pay: Pay) {}

  @Transaction()
  async create(customer: string, cents: number): Promise<string> {
    return this.orders.create(customer, cents);
  }
  @Transaction()
  async paid(order: string): Promise<void> {
    await markPaid(db, order); // and a Knex.Transaction
  }
  @Workflow()
  async checkout(customer: string, cents: number): Promise<string> {
    const order = await this.create(customer, cents);
    await this.pay.charge(order, cents);
    await this.paid(order);
    return order;
  }
}

const apiary = await Apiary.launch({ services: [Checkout], database, schema: 'apiary' });
const reads = new OrderRepository(database); // what is outside functions keeps the root Knex

createServer(async (request, response) => {
  const header = request.headers['idempotency-key'];
  try {
    const order = await apiary
      .start(Checkout, { workflowId: typeof header === 'string' ? header : undefined })
      .checkout('ada', 500)
      .result();
    response.end(JSON.stringify(await reads.find(order)));
  } catch (error) {
    response.writeHead(isApiaryError(error) ? error.httpStatus : 500).end();
  }
}).listen(3000);
