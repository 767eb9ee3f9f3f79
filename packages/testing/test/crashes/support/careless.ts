import { Service, Transaction, sql } from '@apiary/core';
import { crashScenario } from '@apiary/testing/internal';

@Service()
class Careful {
  @Transaction()
  async pay(): Promise<void> {
    await sql`insert into paid (what) values ('carefully')`;
  }
}

/** Does something of its own beside the workflow: who repeats the act repeats it. */
export default crashScenario({
  name: 'careless',
  about: 'an effect beside the workflow',
  services: [Careful],
  // Knex lends its own statement one of those that were opened, or another one.
  opensConnections: true,
  migrations: (knex) => knex.schema.createTable('paid', (table) => void table.text('what')),
  act: async (app) => {
    await app.knex('paid').insert({ what: 'carelessly' });
    await app.start(Careful, { workflowId: 'careful' }).pay().result();
  },
});
