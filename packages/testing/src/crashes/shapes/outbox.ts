import { Service, Transaction, Workflow, handleOf, sql, start } from '@apiary/core';
import { crashScenario } from '../scenario.js';
import { Accounts, ledgerTables } from './ledger.js';

@Service()
class Orders {
  constructor(private readonly accounts: Accounts) {}

  @Transaction()
  async accept(order: string): Promise<string> {
    await sql`insert into ledger (account, amount, note) values ('ada', 0, ${order})`;
    return (await start(Orders).ship(order)).workflowId;
  }

  @Workflow()
  async ship(order: string): Promise<number> {
    return this.accounts.move('bob', 1, `shipped ${order}`);
  }

  @Workflow()
  async order(): Promise<unknown> {
    const shipment = await this.accept('order');
    return { shipment, shipped: await handleOf<number>(shipment).result() };
  }
}

export default crashScenario({
  name: 'outbox',
  about: 'a transaction that starts a workflow',
  services: [Orders],
  migrations: ledgerTables,
  act: (app) => app.start(Orders, { workflowId: 'order' }).order().result(),
  concurrent: true,
});
