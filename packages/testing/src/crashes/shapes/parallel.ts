import { Service, Workflow } from '@apiary/core';
import { crashScenario } from '../scenario.js';
import { Accounts, ledgerTables, Outside } from './ledger.js';

@Service()
class Parallel {
  constructor(
    private readonly accounts: Accounts,
    private readonly outside: Outside,
  ) {}

  @Workflow()
  async all(): Promise<unknown> {
    const first = await Promise.all([this.accounts.add('ada', 1, 'first'), this.outside.tell('slow'), this.accounts.add('bob', 2, 'first')]);
    const booked = await this.accounts.book('cyd', first.length, 'booked');
    const second = await Promise.all([this.accounts.addSlowly('ada', 1, 'second'), this.outside.tell('fast')]);
    return { first, booked, second };
  }
}

export default crashScenario({
  name: 'parallel',
  about: 'Promise.all of two transactions and a slower communicator, procedure, Promise.all of a slow transaction and a communicator',
  services: [Parallel],
  migrations: ledgerTables,
  act: (app) => app.start(Parallel, { workflowId: 'parallel' }).all().result(),
  concurrent: true,
});
