// DBOS 4 with its Knex data source: the transactions.
import { DBOS } from '@dbos-inc/dbos-sdk';
import { KnexDataSource } from '@dbos-inc/knex-datasource';
import { accountOf as account } from '../dist/workloads/bank.js';
import { launch, stepOperations } from './dbos-common.mjs';
import { services } from './dbos-services.mjs';

let operations = {};

/** @type {import('../dist/engine/engine.js').Engine} */
export const engine = {
  async start({ url, pool }) {
    const source = new KnexDataSource('bench', { client: 'pg', connection: url, pool: { min: 0, max: pool } });
    operations = { ...stepOperations(DBOS), ...bankOperations(source), ...services(DBOS, source) };
    await KnexDataSource.initializeDBOSSchema({ client: 'pg', connection: url });
    await launch(DBOS, url, pool, 'v4');
  },
  operation: (workload, variant) => (variant === '' ? operations[workload] : undefined),
  stop: () => DBOS.shutdown(),
};

function bankOperations(source) {
  const committed = (name) => ({ name, isolationLevel: 'read committed' });
  const debit = source.registerTransaction(async (id) => {
    const [row] = await source.client('bench_account').where({ id }).decrement('balance', 1).returning('balance');
    await source.client('bench_ledger').insert({ account: id, amount: -1, ref: DBOS.workflowID });
    return row.balance;
  }, committed('debit'));
  const reserve = source.registerTransaction(async (id) => {
    await source.client('bench_stock').where({ id }).decrement('qty', 1);
    return 1;
  }, committed('reserve'));
  const look = source.registerTransaction(async (id) => (await source.client('bench_stock').where({ id }).first('qty')).qty, {
    ...committed('look'),
    readOnly: true,
  });

  const tx1 = DBOS.registerWorkflow((id) => debit(id), { name: 'tx1' });
  const order = DBOS.registerWorkflow(
    async (id) => {
      const quantity = await look(id);
      await reserve(id);
      await DBOS.runStep(async () => 1, { name: 'noop' });
      await debit(id);
      return quantity;
    },
    { name: 'order' },
  );
  const children10 = DBOS.registerWorkflow(
    async (draw) => {
      for (let child = 0; child < 10; child++) await tx1(account(draw + child));
      return 10;
    },
    { name: 'children10' },
  );
  return { tx1: (draw) => tx1(account(draw)), order: (draw) => order(account(draw)), children10: (draw) => children10(draw) };
}
