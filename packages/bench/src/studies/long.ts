import { withContenders } from '../coordinator/bench.js';
import { median } from '../coordinator/statistics.js';
import type { Study } from './study.js';

const LENGTHS = [10, 100, 1000, 10_000];
const STEPS_A_ROUND = 2_000;
const ROUNDS = 3;

/** Does a step of a long workflow cost what a step of a short one costs? One client; microseconds a step. */
export const long: Study = async ({ server, pool, engines }) => {
  await withContenders(server.url, engines, pool, async (contenders) => {
    console.log(['engine'.padEnd(16), ...LENGTHS.map((length) => `${length} steps`.padStart(12)), 'last / first'.padStart(14)].join(''));
    for (const { label, process, variant } of contenders) {
      if (!(await process.supports('steps-10', variant))) continue;
      const costs: number[] = [];
      for (const length of LENGTHS) {
        const rounds: number[] = [];
        for (let seed = 0; seed < ROUNDS; seed++) {
          const operations = Math.max(1, Math.round(STEPS_A_ROUND / length));
          const { seconds } = await process.run(`steps-${length}`, variant, { clients: 1, operations, seed }, false);
          rounds.push((seconds * 1e6) / (operations * length));
        }
        costs.push(median(rounds));
      }
      const flat = (costs.at(-1) ?? Number.NaN) / (costs[0] ?? Number.NaN);
      console.log([label.padEnd(16), ...costs.map((cost) => cost.toFixed(0).padStart(12)), flat.toFixed(2).padStart(14)].join(''));
    }
  });
};
