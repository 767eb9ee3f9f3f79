import { Communicator, idempotencyKey, Service, sleep, sql, Transaction, Workflow } from '@apiary/core';
import type { Knex } from 'knex';

export const migrations = (knex: Knex) => knex.schema.createTable('stock', (t) => { t.text('item').primary(); t.integer('left').notNullable(); });

export class Payments {
  @Communicator({ retry: { maxAttempts: 5, initialInterval: '1 minute' } })
  async charge(card: string, cents: number): Promise<string> {
    const answer = await fetch('https://pay.example/charges', { method: 'POST', headers: { 'Idempotency-Key': idempotencyKey() }, body: JSON.stringify({ card, cents }) });
    return answer.text();
  }
}

@Service()
export class Orders {
  constructor(private readonly payments: Payments) {}

  @Transaction()
  async take(item: string): Promise<number> {
    return (await sql<{ left: number }>`update stock set "left" = "left" - 1 where item = ${item} returning "left"`.one()).left;
  }

  @Workflow()
  async place(item: string, card: string): Promise<string> {
    await this.take(item);
    const receipt = await this.payments.charge(card, 1900);
    await sleep('14 days');
    return receipt;
  }
}
