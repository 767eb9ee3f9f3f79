import { Procedure, type Query, sql } from '@apiary/core';

/** tx1 as a transaction without interaction. */
export class Procedures {
  @Procedure()
  debit(account: number, ref: string): Query<{ balance: number }> {
    return sql.batch(
      sql`insert into bench_ledger (account, amount, ref) values (${account}, ${-1}, ${ref})`,
      sql<{ balance: number }>`update bench_account set balance = balance - 1 where id = ${account} returning balance`.one(),
    );
  }
}
