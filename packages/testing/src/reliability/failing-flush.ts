/** E14: the disk of the database server fails to flush (EIO of fdatasync and fsync). */
import { failSyncs, straceMissing } from '../faults/failing-sync.js';
import { postgres15Missing } from '../faults/postgres15.js';
import { durable, type Cluster } from './cluster.js';
import type { LoadExperiment } from './experiment.js';
import { allBackAtWork, backAgain, judgeBackAtWork } from './full-disk.js';
import { pause } from './strikes.js';

const failed = /PANIC: {2}could not f(?:data)?sync .*Input\/output error/g;
const patienceMs = 5000;

async function failFlushes(cluster: Cluster): Promise<void> {
  const { server } = cluster;
  if (server === undefined) return;
  await pause(cluster.random.int(500, 1500));
  const panics = (): number => server.log.match(failed)?.length ?? 0;
  const before = panics();
  const end = performance.now() + patienceMs;
  await failSyncs(server.pid, () => panics() > before || performance.now() > end);
  cluster.hit('PANIC: a flush failed', panics() - before);
  await backAgain(cluster);
}

export const failingFlush: LoadExperiment = {
  name: 'E14 flush',
  fault: 'fdatasync and fsync of the server fail (EIO)',
  runs: 15,
  options: { executors: 3, ownServer: { settings: durable } },
  impossible: () => postgres15Missing() ?? straceMissing(),
  strike: failFlushes,
  heal: allBackAtWork,
  judge: judgeBackAtWork,
  mustHit: ['PANIC: a flush failed'],
};
