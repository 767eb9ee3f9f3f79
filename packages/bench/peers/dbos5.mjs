// DBOS 5: the steps.
import { DBOS } from 'dbos-sdk-5';
import { launch, stepOperations } from './dbos-common.mjs';

let operations = {};

/** @type {import('../dist/engine/engine.js').Engine} */
export const engine = {
  async start({ url, pool }) {
    operations = stepOperations(DBOS);
    await launch(DBOS, url, pool, 'v5');
  },
  operation: (workload, variant) => (variant === '' ? operations[workload] : undefined),
  stop: () => DBOS.shutdown(),
};
