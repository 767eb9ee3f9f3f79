import { Communicator, sql, Transaction, workflowId } from '@apiary/core';

/** The steps through `sql`, each statement awaited before the next one. */
export class SqlSteps {
  @Transaction()
  async debit(account: number): Promise<number> {
    const row = await sql<{ balance: number }>`update bench_account set balance = balance - 1 where id = ${account} returning balance`.one();
    await sql`insert into bench_ledger (account, amount, ref) values (${account}, ${-1}, ${workflowId()})`;
    return row.balance;
  }

  @Transaction()
  async reserve(item: number): Promise<number> {
    await sql`update bench_stock set qty = qty - 1 where id = ${item}`;
    return 1;
  }

  @Transaction({ readOnly: true })
  async look(item: number): Promise<number> {
    return (await sql<{ qty: number }>`select qty from bench_stock where id = ${item}`.one()).qty;
  }

  @Communicator()
  async noop(): Promise<number> {
    return 1;
  }
}

/** The same, where statements that need nothing of each other go together. */
export class BatchSteps extends SqlSteps {
  @Transaction()
  override async debit(account: number): Promise<number> {
    const row = await sql.batch(
      sql`insert into bench_ledger (account, amount, ref) values (${account}, ${-1}, ${workflowId()})`,
      sql<{ balance: number }>`update bench_account set balance = balance - 1 where id = ${account} returning balance`.one(),
    );
    return row.balance;
  }
}
