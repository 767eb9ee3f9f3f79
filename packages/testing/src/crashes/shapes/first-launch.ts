import transfer from './transfer.js';
import { crashScenario } from '../scenario.js';
import { ledgerTables } from './ledger.js';

export default crashScenario({
  ...transfer,
  name: 'first launch',
  about: 'the launch on an empty database, with all migrations, and a transfer',
  from: 'launch',
  // Users' migrations are run in each launch.
  migrations: async (knex) => {
    await knex.transaction(async (transaction) => {
      if (!(await transaction.schema.hasTable('ledger'))) await ledgerTables(transaction);
    });
  },
});
