/** A process of E13: it launches when it is told to, runs one workflow, and tells how long the launch took. */
import { Apiary } from '@apiary/core';
import { childSide } from '../faults/child-side.js';
import { Accounts, Transfers } from './bank.js';

const [database = '', name = ''] = process.argv.slice(2);
const side = childSide();
side.onMessage(() => void start());
side.ready();

async function start(): Promise<void> {
  const since = performance.now();
  const app = await Apiary.launch({
    services: [Transfers, Accounts],
    ...{ database, name, version: 'v1', lease: '1 minute', poll: '20 seconds', notify: false, pool: { size: 1, systemSize: 1 } },
    log: { level: 'silent' },
  });
  const launchedMs = performance.now() - since;
  await app.start(Transfers, { workflowId: name }).quick(1, 2, 1).result();
  await side.result(launchedMs);
  await app.shutdown({ grace: 0 });
  side.leave();
}
