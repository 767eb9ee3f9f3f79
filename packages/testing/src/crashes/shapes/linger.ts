import { Service, Transaction, Workflow, randomUUID, sql } from '@apiary/core';
import { crashScenario } from '../scenario.js';
import { ledgerTables, Outside } from './ledger.js';

@Service()
class Lingering {
  constructor(private readonly outside: Outside) {}

  /** Longer than a communicator's record waits for company. */
  @Transaction()
  async slow(): Promise<string> {
    await sql`select pg_sleep(0.3)`;
    await sql`insert into ledger (account, amount, note) values ('ada', 0, 'slow')`;
    return 'slow';
  }

  @Workflow()
  async linger(): Promise<unknown> {
    return [await this.outside.tell('first', randomUUID()), await this.slow(), await this.outside.tell('second'), await this.outside.tell('third')];
  }
}

export default crashScenario({
  name: 'linger',
  about: 'communicator with a randomUUID, slow transaction, two communicators',
  services: [Lingering],
  config: { linger: '20 ms' },
  migrations: ledgerTables,
  act: (app) => app.start(Lingering, { workflowId: 'linger' }).linger().result(),
});
