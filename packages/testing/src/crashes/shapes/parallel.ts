import { Service, Workflow } from '@apiary/core';
import { crashScenario } from '../scenario.js';
import { Accounts, ledgerTables, Outside } from './ledger.js';

@Service()
class Parallel {
  constructor(private readonly accounts: Accounts, private readonly outside: Outside) {}

  @Workflow()
  async all(): Promise<unknown> {
    const together = await Promise.all([this.accounts.add('ada', 1, 'together'), this.outside.tell('together'), this.accounts.add('bob', 2, 'together')]);
    const last = await this.accounts.book('cyd', together.length, 'last');
    return { together, last };
  }
}

export default crashScenario({
  name: 'parallel',
  about: 'Promise.all of two transactions and a communicator, then a procedure',
  services: [Parallel],
  migrations: ledgerTables,
  act: (app) => app.start(Parallel, { workflowId: 'parallel' }).all().result(),
  concurrent: true,
});
