import { Service, Transaction } from '@apiary/core';
import { crashScenario } from '@apiary/testing/internal';

@Service()
class Idle {
  @Transaction()
  async nothing(): Promise<void> {}
}

/** Leaves no row in the table that it makes. */
export default crashScenario({
  name: 'idle',
  about: 'nothing',
  services: [Idle],
  migrations: (knex) => knex.schema.createTable('nothing', (table) => void table.text('what')),
  act: (app) => app.start(Idle, { workflowId: 'idle' }).nothing().result(),
});
