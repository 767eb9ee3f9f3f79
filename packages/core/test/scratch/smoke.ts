import { Apiary, Communicator, Procedure, Service, Transaction, Workflow, db, sql, sleep, now, randomUUID, start } from '@apiary/core';
import { launchApp } from '@apiary/testing/internal';

@Service()
class Accounts {
  @Transaction()
  async debit(id: string, amount: number): Promise<number> {
    const [row] = await db('account').where({ id }).decrement('balance', amount).returning('balance');
    return row.balance;
  }
  @Transaction({ readOnly: true })
  async balance(id: string): Promise<number> {
    return (await sql<{ balance: number }>`select balance from account where id = ${id}`.one()).balance;
  }
  @Procedure()
  add(id: string, amount: number) {
    return sql<{ balance: number }>`update account set balance = balance + ${amount} where id = ${id} returning balance`.one();
  }
}
class Mailer {
  @Communicator()
  async receipt(to: string): Promise<string> { return `sent ${to}`; }
}
@Service()
class Transfers {
  constructor(private readonly accounts: Accounts, private readonly mailer: Mailer) {}
  @Workflow()
  async transfer(from: string, to: string): Promise<unknown> {
    const left = await this.accounts.debit(from, 5);
    await this.accounts.debit(to, -5);
    const r = await this.mailer.receipt(to);
    const p = await this.accounts.add(from, 1);
    await sleep(20);
    const c = await this.child(from);
    const h = await start(Transfers).child(to);
    return { left, r, p, c, h: await h.result(), at: now(), u: randomUUID() };
  }
  @Workflow()
  async child(id: string): Promise<number> { return this.accounts.balance(id); }
  @Workflow()
  async empty(): Promise<void> {}
}
const t0 = performance.now();
const l = await launchApp({ services: [Transfers], migrations: async (knex) => { await knex.schema.createTableIfNotExists('account', (t) => { t.text('id').primary(); t.integer('balance'); }); await knex('account').insert([{ id: 'a', balance: 100 }, { id: 'b', balance: 0 }]); }, log: { level: 'debug' } });
console.log('launched', performance.now() - t0);
const t = l.app.get(Transfers);
console.log(await t.transfer('a', 'b'));
const h = await l.app.start(Transfers, { workflowId: 'x' }).transfer('a', 'b');
console.log(await h.result(), await h.status());
console.log(await h.steps());
console.log(await l.app.get(Accounts).debit('a', 1), await l.app.get(Accounts).balance('a'), await l.app.get(Accounts).add('a', 3), await l.app.get(Mailer).receipt('q'));
await t.empty();
console.log((await l.app.list()).items.map((i) => `${i.workflowId} ${i.name} ${i.status}`));
await l.close();
console.log('closed');
