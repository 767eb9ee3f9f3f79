import { Service, Workflow } from '@apiary/core';
import { crashScenario } from '../scenario.js';
import { Accounts, ledgerTables } from './ledger.js';

@Service()
class Transfers {
  constructor(private readonly accounts: Accounts) {}

  @Workflow()
  async transfer(from: string, to: string, amount: number): Promise<number> {
    const left = await this.accounts.move(from, -amount, `to ${to}`);
    await this.accounts.move(to, amount, `from ${from}`);
    return left;
  }
}

export default crashScenario({
  name: 'transfer',
  about: 'workflow of two transactions',
  services: [Transfers],
  opensConnections: true,
  migrations: ledgerTables,
  act: (app) => app.start(Transfers, { workflowId: 'transfer' }).transfer('ada', 'bob', 5).result(),
});
