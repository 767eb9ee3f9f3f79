import { Communicator, Inject, Procedure, Service, Transaction, db, idempotencyKey, sql } from '@apiary/core';
import type { Knex } from 'knex';
import { callWitness } from '../../faults/witness.js';
import { WITNESS } from '../scenario.js';

/** Nothing in the ledger is unique: an effect that happens twice leaves two rows. */
export async function ledgerTables(knex: Knex): Promise<void> {
  await knex.raw('create table account (id text not null, balance int not null)');
  await knex.raw('create table ledger (seq bigserial, account text not null, amount int not null, note text not null)');
  await knex('account').insert(['ada', 'bob', 'cyd', 'dan'].map((id) => ({ id, balance: 100 })));
}

@Service()
export class Accounts {
  /** Three statements, by Knex and by `sql`. */
  @Transaction()
  async move(id: string, amount: number, note: string): Promise<number> {
    const [row] = await db<{ id: string; balance: number }>('account').where({ id }).increment('balance', amount).returning('balance');
    await sql`insert into ledger (account, amount, note) values (${id}, ${amount}, ${note})`;
    return row?.balance ?? 0;
  }

  /** The same, free of the false conflicts of small tables, for transactions beside each other. */
  @Transaction({ isolation: 'read committed' })
  async add(id: string, amount: number, note: string): Promise<number> {
    await sql`insert into ledger (account, amount, note) values (${id}, ${amount}, ${note})`;
    return (await sql<{ balance: number }>`update account set balance = balance + ${amount} where id = ${id} returning balance`.one()).balance;
  }

  /** Takes longer than what goes on beside it. */
  @Transaction({ isolation: 'read committed' })
  async addSlowly(id: string, amount: number, note: string): Promise<string> {
    await sql`insert into ledger (account, amount, note) values (${id}, ${amount}, ${note})`;
    await sql`select pg_sleep(0.2)`;
    return note;
  }

  @Transaction({ readOnly: true })
  async balance(id: string): Promise<number> {
    return (await sql<{ balance: number }>`select balance from account where id = ${id}`.one()).balance;
  }

  @Procedure({ isolation: 'read committed' })
  book(id: string, amount: number, note: string) {
    return sql.batch(
      sql`insert into ledger (account, amount, note) values (${id}, ${amount}, ${note})`,
      sql<{ balance: number }>`update account set balance = balance + ${amount} where id = ${id} returning balance`.one(),
    );
  }
}

@Service()
export class Outside {
  constructor(@Inject(WITNESS) private readonly witness: string) {}

  @Communicator()
  async tell(name: string, detail = ''): Promise<string> {
    await callWitness(this.witness, { key: idempotencyKey(), name, detail, at: Date.now() });
    return `told ${name}`;
  }
}
