import { Communicator, db, Transaction, workflowId } from '@apiary/core';

/** The steps through Knex's query builder, each statement awaited before the next one. */
export class DbSteps {
  @Transaction()
  async debit(account: number): Promise<number> {
    const [row] = await db<{ id: number; balance: number }>('bench_account').where({ id: account }).decrement('balance', 1).returning('balance');
    await db('bench_ledger').insert({ account, amount: -1, ref: workflowId() });
    return row?.balance ?? Number.NaN;
  }

  @Transaction()
  async reserve(item: number): Promise<number> {
    await db('bench_stock').where({ id: item }).decrement('qty', 1);
    return 1;
  }

  @Transaction({ readOnly: true })
  async look(item: number): Promise<number> {
    const row = await db<{ id: number; qty: number }>('bench_stock').where({ id: item }).first('qty');
    return row?.qty ?? 0;
  }

  @Communicator()
  async noop(): Promise<number> {
    return 1;
  }
}

/** The same, where statements that need nothing of each other go together. */
export class TogetherDbSteps extends DbSteps {
  @Transaction()
  override async debit(account: number): Promise<number> {
    const [[row]] = await Promise.all([
      db<{ id: number; balance: number }>('bench_account').where({ id: account }).decrement('balance', 1).returning('balance'),
      db('bench_ledger').insert({ account, amount: -1, ref: workflowId() }),
    ]);
    return row?.balance ?? Number.NaN;
  }
}
