import { EngineProcess } from '../coordinator/engine-process.js';
import { median, sum } from '../coordinator/statistics.js';
import type { Study } from './study.js';

const WORKLOADS = ['tx1', 'order', 'steps10'];
const ROUNDS = 7;
const CLIENTS = 64;

/** How throughput grows from one to two processes of the framework on one database; rounds of both take turns. */
export const processes: Study = async ({ server, pool }) => {
  const executors = [await EngineProcess.start('apiary', server.url, pool), await EngineProcess.start('apiary', server.url, pool)];
  try {
    console.log(['workload'.padEnd(12), 'one op/s'.padStart(12), 'two op/s'.padStart(12), 'ratio'.padStart(8)].join(''));
    for (const workload of WORKLOADS) {
      const speed = async (running: readonly EngineProcess[], seed: number): Promise<number> => {
        const load = { clients: CLIENTS / running.length, seconds: 1, seed };
        const replies = await Promise.all(running.map((executor) => executor.run(workload, '', load, false)));
        return sum(replies.map((reply) => reply.operations / reply.seconds));
      };
      const pairs: [number, number][] = [];
      for (let round = 0; round <= ROUNDS; round++) pairs.push([await speed(executors.slice(0, 1), round), await speed(executors, round)]);
      const kept = pairs.slice(1);
      const columns = [median(kept.map(([one]) => one)), median(kept.map(([, two]) => two))].map((value) => value.toFixed(0).padStart(12));
      console.log(
        [
          workload.padEnd(12),
          ...columns,
          median(kept.map(([one, two]) => two / one))
            .toFixed(2)
            .padStart(8),
        ].join(''),
      );
    }
  } finally {
    await Promise.all(executors.map((executor) => executor.stop()));
  }
};
