import { Service, Transaction, Workflow, sql } from '@apiary/core';
import { crashScenario } from '../scenario.js';
import { Accounts, ledgerTables, Outside } from './ledger.js';

class SoldOut extends Error {
  readonly seat: string;
  constructor(seat: string) {
    super(`seat ${seat} is sold`);
    this.seat = seat;
  }
}

@Service()
class Trips {
  constructor(
    private readonly accounts: Accounts,
    private readonly outside: Outside,
  ) {}

  @Transaction()
  async seat(seat: string): Promise<void> {
    await sql`insert into ledger (account, amount, note) values ('ada', 0, 'must not stay')`;
    throw new SoldOut(seat);
  }

  @Workflow()
  async trip(): Promise<unknown> {
    const paid = await this.accounts.move('ada', -10, 'paid');
    try {
      await this.seat('1a');
      return { paid };
    } catch (error) {
      const refunded = await this.accounts.move('ada', 10, `refunded: ${(error as Error).message}`);
      return { paid, refunded, told: await this.outside.tell('sorry') };
    }
  }
}

export default crashScenario({
  name: 'compensation',
  about: 'transaction, user error, caught, compensating transaction, communicator',
  services: [Trips],
  migrations: ledgerTables,
  act: (app) => app.start(Trips, { workflowId: 'trip' }).trip().result(),
});
