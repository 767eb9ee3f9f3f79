/** A shop, for the tests of the kit. */
import { Communicator, db, NonRetryableError, Service, sleep, sql, Transaction, Workflow } from '@apiary/core';
import type { Knex } from 'knex';

export const migrations = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('account', (t) => {
    t.text('id').primary();
    t.integer('balance').notNullable();
  });
};

@Service()
export class Accounts {
  @Transaction()
  async debit(id: string, amount: number): Promise<number> {
    const [row] = await db('account').where({ id }).decrement('balance', amount).returning<{ balance: number }[]>('balance');
    if (row === undefined) throw new Error(`no account ${id}`);
    return row.balance;
  }

  @Transaction({ readOnly: true })
  async balance(id: string): Promise<number> {
    return (await sql<{ balance: number }>`select balance from account where id = ${id}`.one()).balance;
  }
}

/** Undecorated: what a user wraps around somebody's SDK. */
export class MailClient {
  async deliver(_to: string): Promise<string> {
    return 'really sent';
  }
}

@Service()
export class Mailer {
  constructor(private readonly client: MailClient) {}

  @Communicator({ retry: { maxAttempts: 4, initialInterval: '1 hour', maxInterval: '1 day' }, timeout: '1 minute' })
  async receipt(to: string, _text: string): Promise<string> {
    return this.client.deliver(to);
  }

  @Communicator()
  async refuse(): Promise<void> {
    throw new NonRetryableError('refused');
  }
}

@Service()
export class Shop {
  constructor(
    private readonly accounts: Accounts,
    private readonly mailer: Mailer,
  ) {}

  @Workflow()
  async buy(from: string, to: string, amount: number): Promise<number> {
    const left = await this.accounts.debit(from, amount);
    await this.accounts.debit(to, -amount);
    await this.mailer.receipt(from, `${left} left`);
    return left;
  }

  /** Ends in a transaction, whose commit carries the outcome. */
  @Workflow()
  async buyAfterMail(from: string, amount: number): Promise<number> {
    await this.mailer.receipt(from, 'soon');
    return this.accounts.debit(from, amount);
  }

  @Workflow()
  async subscribe(from: string, months: number): Promise<number> {
    let left = 0;
    for (let i = 0; i < months; i++) {
      left = await this.accounts.debit(from, 1);
      await sleep('30 days');
    }
    return left;
  }

  @Workflow({ deadline: '2 days' })
  async wait(): Promise<string> {
    await sleep('5 days');
    return 'never';
  }

  /** Too short to leave memory. */
  @Workflow()
  async nap(): Promise<string> {
    await sleep('4 seconds');
    return 'rested';
  }

  @Workflow()
  async fails(): Promise<void> {
    throw new TypeError('out of stock');
  }
}
