import { Service, Transaction, Workflow, sql } from '@apiary/core';
import { crashScenario } from '../scenario.js';
import { Accounts, ledgerTables } from './ledger.js';

@Service()
class Failures {
  constructor(private readonly accounts: Accounts) {}

  @Transaction()
  async refuse(): Promise<void> {
    await sql`insert into ledger (account, amount, note) values ('ada', 0, 'must not stay')`;
    throw new RangeError('refused');
  }

  @Workflow()
  async fail(): Promise<void> {
    await this.accounts.move('ada', 1, 'stays');
    await this.refuse();
  }
}

export default crashScenario({
  name: 'failure',
  about: 'transaction, then a user error that ends the workflow',
  services: [Failures],
  migrations: ledgerTables,
  act: (app) => app.start(Failures, { workflowId: 'failure' }).fail().result(),
});
