import { Service, Workflow, start } from '@apiary/core';
import { crashScenario } from '../scenario.js';
import { Accounts, ledgerTables, Outside } from './ledger.js';

@Service()
class Family {
  constructor(
    private readonly accounts: Accounts,
    private readonly outside: Outside,
  ) {}

  @Workflow()
  async parent(): Promise<unknown> {
    const inline = await this.child('bob', 1);
    const handle = await start(Family).child('cyd', 2);
    const own = await this.accounts.add('ada', -3, 'parent');
    return { inline, own, started: await handle.result() };
  }

  @Workflow()
  async child(who: string, amount: number): Promise<unknown> {
    const balance = await this.accounts.add(who, amount, 'child');
    return { balance, told: await this.outside.tell(`child ${who}`) };
  }
}

export default crashScenario({
  name: 'family',
  about: 'parent with an inline child and a started one, handle.result()',
  services: [Family],
  migrations: ledgerTables,
  act: async (app) => (await app.start(Family, { workflowId: 'family' }).parent()).result(),
  // The started child runs beside its parent.
  concurrent: true,
});
