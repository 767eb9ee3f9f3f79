import { Service, Workflow, sleep } from '@apiary/core';
import { crashScenario } from '../scenario.js';
import { Accounts, ledgerTables, Outside } from './ledger.js';

@Service()
class Parks {
  constructor(
    private readonly accounts: Accounts,
    private readonly outside: Outside,
  ) {}

  @Workflow()
  async month(): Promise<unknown[]> {
    const before = await this.accounts.move('ada', 1, 'before');
    const told = await this.outside.tell('before');
    await sleep('30 days');
    return [before, told, await this.accounts.move('ada', 1, 'after')];
  }
}

export default crashScenario({
  name: 'park',
  about: 'transaction, communicator, sleep of a month that parks, transaction',
  services: [Parks],
  migrations: ledgerTables,
  act: (app) => app.start(Parks, { workflowId: 'park' }).month().result(),
  skipsTime: true,
  concurrent: true,
  // Whoever waits for a parked workflow looks at its row again and again.
  unnumbered: ({ connection, statements }) =>
    connection === 'system' && statements.length === 1 && /^select .* where w\.workflow_id = any\(\$1/.test(statements[0] ?? ''),
});
