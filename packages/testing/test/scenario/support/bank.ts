/** Withdrawals, right and wrong, for the tests of interleavings. */
import { Communicator, db, Service, sql, Transaction, Workflow } from '@apiary/core';
import type { Knex } from 'knex';
import pg from 'pg';

export const tables = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('account', (t) => {
    t.text('id').primary();
    t.integer('balance').notNullable();
  });
};

@Service()
export class Bank {
  private static database = '';

  static use(database: string): void {
    this.database = database;
  }

  /** On a connection of its own. */
  static async behindTheBack(): Promise<string> {
    const client = new pg.Client({ connectionString: this.database });
    await client.connect();
    await client.query('update account set balance = balance');
    await client.end();
    return 'done';
  }

  @Transaction({ readOnly: true })
  async balance(id: string): Promise<number> {
    return (await sql<{ balance: number }>`select balance from account where id = ${id}`.one()).balance;
  }

  @Transaction()
  async debit(id: string, amount: number): Promise<void> {
    await db('account').where({ id }).decrement('balance', amount);
  }

  /** Looks and takes in one transaction. */
  @Transaction()
  async take(id: string, amount: number): Promise<boolean> {
    const { balance } = await sql<{ balance: number }>`select balance from account where id = ${id}`.one();
    if (balance < amount) return false;
    await sql`update account set balance = ${balance - amount} where id = ${id}`;
    return true;
  }

  @Communicator()
  async tell(_what: string): Promise<string> {
    throw new Error('nobody listens');
  }

  @Workflow()
  async withdraw(id: string, amount: number): Promise<boolean> {
    const taken = await this.take(id, amount);
    await this.tell(taken ? 'taken' : 'refused');
    if (taken) await this.debit('cash', -amount);
    return taken;
  }

  @Workflow()
  async announce(what: string): Promise<void> {
    await this.tell(what);
    await this.debit('ada', 1);
  }

  /** Looks in one transaction and takes in another one. */
  @Workflow()
  async withdrawInTwo(id: string, amount: number): Promise<boolean> {
    if ((await this.balance(id)) < amount) return false;
    await this.debit(id, amount);
    await this.debit('cash', -amount);
    return true;
  }
}
