import { Service, Workflow, sleep } from '@apiary/core';
import { crashScenario } from '../scenario.js';
import { Accounts, ledgerTables } from './ledger.js';

@Service()
class Pauses {
  constructor(private readonly accounts: Accounts) {}

  @Workflow()
  async pause(): Promise<number[]> {
    const before = await this.accounts.move('ada', 1, 'before');
    await sleep('30 ms');
    return [before, await this.accounts.move('ada', 1, 'after')];
  }
}

export default crashScenario({
  name: 'pause',
  about: 'transaction, short sleep, transaction',
  services: [Pauses],
  migrations: ledgerTables,
  act: (app) => app.start(Pauses, { workflowId: 'pause' }).pause().result(),
});
