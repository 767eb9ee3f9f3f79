import type { Engine, Operation } from '../../engine/engine.js';
import { uuid7 } from '../../engine/uuid7.js';
import { rawHotel } from '../../services/hotel/raw.js';
import { rawRetwis } from '../../services/retwis/raw.js';
import { rawShop } from '../../services/shop/raw.js';
import { stepsOf } from '../../workloads/long.js';
import { bank } from './bank.js';
import { PipelinedSteps } from './pipelined-steps.js';
import { RawSteps } from './steps.js';

type Operations = Readonly<Record<string, Operation>>;

let steps: RawSteps | undefined;
let pipelined: RawSteps | undefined;
let operations: Operations = {};

/** The yardstick: hand-written `pg`. */
export const engine: Engine = {
  async start({ url, pool }) {
    steps = new RawSteps(url, pool);
    await steps.createTables();
    pipelined = new PipelinedSteps(url, pool);
    await pipelined.createTables();
    operations = { ...bank(steps), ...pipelinedOperations(bank(pipelined)), shop: rawShop(steps), hotel: rawHotel(steps), retwis: rawRetwis(steps) };
  },
  operation: (workload, variant) => (variant === '' ? (operations[workload] ?? longWorkflow(workload)) : operations[`${workload}/${variant}`]),
  async stop() {
    await Promise.all([steps?.pool.end(), pipelined?.pool.end()]);
  },
};

function pipelinedOperations({ tx1, order }: Operations): Operations {
  return { ...(tx1 && { 'tx1/pipeline': tx1 }), ...(order && { 'order/pipeline': order }) };
}

/** `steps-1000`: a workflow of a thousand no-op communicators. */
function longWorkflow(workload: string): Operation | undefined {
  const count = stepsOf(workload);
  const running = steps;
  if (count === undefined || !running) return undefined;
  return async () => {
    const id = uuid7();
    for (let step = 0; step < count; step++) await running.communicator(id, step, async () => 1);
  };
}
