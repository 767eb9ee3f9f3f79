import { Apiary } from '@apiary/core';
import type { Engine, Operation } from '../../engine/engine.js';
import { uuid7 } from '../../engine/uuid7.js';
import { apiaryHotel, HotelService } from '../../services/hotel/apiary.js';
import { apiaryRetwis, RetwisService } from '../../services/retwis/apiary.js';
import { apiaryShop, ShopService } from '../../services/shop/apiary.js';
import { accountOf } from '../../workloads/bank.js';
import { stepsOf } from '../../workloads/long.js';
import { DbSteps } from './db-steps.js';
import { BatchFlows, DbFlows, SqlFlows, TogetherDbFlows } from './flows.js';
import { Procedures } from './procedures.js';
import { BatchSteps, SqlSteps } from './sql-steps.js';

let app: Apiary | undefined;
let operations: Readonly<Record<string, Operation>> = {};

/** The framework, through what `@apiary/core` exports and nothing else. Variants: how the steps reach the database, and whether a workflow is around them. */
export const engine: Engine = {
  async start({ url, pool }) {
    const running = await Apiary.launch({
      services: [SqlFlows, BatchFlows, DbFlows, TogetherDbFlows, Procedures, ShopService, HotelService, RetwisService],
      database: url,
      pool: { size: pool },
      isolation: 'read committed',
      log: { level: 'warn' },
    });
    app = running;
    operations = bank(running);
  },
  operation(workload, variant) {
    const count = stepsOf(workload);
    if (count !== undefined && variant === '') return () => app?.get(SqlFlows).long(count) ?? Promise.resolve();
    return operations[variant === '' ? workload : `${workload}/${variant}`];
  },
  stop: async () => app?.shutdown(),
};

function bank(running: Apiary): Readonly<Record<string, Operation>> {
  const flows = running.get(SqlFlows);
  const batchFlows = running.get(BatchFlows);
  const dbFlows = running.get(DbFlows);
  const steps = running.get(SqlSteps);
  const togetherDbFlows = running.get(TogetherDbFlows);
  const batchSteps = running.get(BatchSteps);
  const dbSteps = running.get(DbSteps);
  const procedures = running.get(Procedures);
  return {
    tx1: (draw) => flows.tx1(accountOf(draw)),
    'tx1/batch': (draw) => batchFlows.tx1(accountOf(draw)),
    'tx1/db': (draw) => dbFlows.tx1(accountOf(draw)),
    'tx1/db-together': (draw) => togetherDbFlows.tx1(accountOf(draw)),
    'tx1/direct': (draw) => steps.debit(accountOf(draw)),
    'tx1/direct-batch': (draw) => batchSteps.debit(accountOf(draw)),
    'tx1/direct-db': (draw) => dbSteps.debit(accountOf(draw)),
    'tx1/procedure': (draw) => procedures.debit(accountOf(draw), uuid7()),
    order: (draw) => flows.order(accountOf(draw)),
    'order/batch': (draw) => batchFlows.order(accountOf(draw)),
    'order/db': (draw) => dbFlows.order(accountOf(draw)),
    'order/db-together': (draw) => togetherDbFlows.order(accountOf(draw)),
    steps10: () => flows.steps10(),
    empty: () => flows.empty(),
    children10: (draw) => flows.children10(accountOf(draw)),
    shop: apiaryShop(running),
    hotel: apiaryHotel(running),
    retwis: apiaryRetwis(running),
  };
}
