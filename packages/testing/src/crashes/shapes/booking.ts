import { Service, Workflow, now, randomUUID } from '@apiary/core';
import { crashScenario } from '../scenario.js';
import { Accounts, ledgerTables, Outside } from './ledger.js';

@Service()
class Bookings {
  constructor(
    private readonly accounts: Accounts,
    private readonly outside: Outside,
  ) {}

  @Workflow()
  async book(who: string): Promise<unknown> {
    const at = now().getTime();
    const reference = randomUUID();
    const reserved = await this.accounts.move(who, -30, `reserved ${reference}`);
    const charged = await this.outside.tell('charge', reference);
    const seen = await this.accounts.balance(who);
    const issued = await this.accounts.move('bob', seen, `issued ${reference} at ${at}`);
    return { at, reference, reserved, charged, seen, issued };
  }
}

export default crashScenario({
  name: 'booking',
  about: 'now, randomUUID, transaction, communicator, read-only transaction, transaction',
  services: [Bookings],
  migrations: ledgerTables,
  act: (app) => app.start(Bookings, { workflowId: 'booking' }).book('ada').result(),
});
