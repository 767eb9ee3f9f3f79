import { crashScenario } from '../scenario.js';
import { Accounts, ledgerTables, Outside } from './ledger.js';

export default crashScenario({
  name: 'direct',
  about: 'direct transaction, procedure, communicator and read-only transaction, with ids',
  services: [Accounts, Outside],
  migrations: ledgerTables,
  act: async (app) => [
    await app.start(Accounts, { workflowId: 'direct-transaction' }).move('ada', 1, 'transaction').result(),
    await app.start(Accounts, { workflowId: 'direct-procedure' }).book('bob', 1, 'procedure').result(),
    await app.start(Outside, { workflowId: 'direct-communicator' }).tell('communicator').result(),
    // A start of its own first, then its outcome.
    await (await app.start(Accounts, { workflowId: 'started-transaction' }).move('cyd', 1, 'transaction')).result(),
    await (await app.start(Accounts, { workflowId: 'started-procedure' }).book('dan', 1, 'procedure')).result(),
    // Last: nothing of it is durable but its outcome.
    await app.start(Accounts, { workflowId: 'direct-reader' }).balance('ada').result(),
  ],
});
