/** Orders that are charged by a payment service, which keeps a ledger; for the tests of crashes. */
import { Communicator, idempotencyKey, Service, sql, Transaction, Workflow } from '@apiary/core';
import { mock, type Mocked } from '@apiary/testing';
import type { Knex } from 'knex';

export const migrations = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('stock', (t) => {
    t.text('item').primary();
    t.integer('left').notNullable();
  });
};

export class Payments {
  @Communicator()
  async charge(_card: string, _cents: number): Promise<string> {
    throw new Error('there is no such service');
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
  async place(item: string): Promise<string> {
    const left = await this.take(item);
    return `${await this.payments.charge('card', 1900)}, ${left} left`;
  }
}

/** The ledger of the payment service: `true` it knows a charge by its key, and does it once. */
export function payments(knowsKeys: boolean): { readonly ledger: Map<string, number>; readonly charge: Mocked } {
  const ledger = new Map<string, number>();
  const charge = mock(Payments).charge((_card, cents) => {
    ledger.set(knowsKeys ? idempotencyKey() : `charge ${ledger.size}`, cents);
    return 'receipt';
  });
  return { ledger, charge };
}
