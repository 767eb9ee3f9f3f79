/** E14: the disk of the database server fills up, and is freed after seconds: the data's, or that of its write-ahead log alone. */
import { postgres15Missing } from '../faults/postgres15.js';
import { processAlive } from '../faults/sigstop.js';
import { SmallDisk } from '../faults/small-disk.js';
import { until } from '../faults/until.js';
import { violated } from '../faults/ledger/violation.js';
import { durable, type Cluster } from './cluster.js';
import type { Judged, LoadExperiment } from './experiment.js';
import { pause } from './strikes.js';

const megabytes = 96;
const full = /No space left on device/g;
const panic = /PANIC: {2}/g;
/** A log that is full stops the server at its next segment of a megabyte: until then there is room in the one that it has. */
const patienceMs = 15_000;
const topUpMs = 20;

/** When the disk was freed for the last time, by the database's clock. */
const freedAt = new WeakMap<Cluster, Date>();

async function fillDisk(cluster: Cluster, nextSegments: boolean): Promise<void> {
  const { disk, server, random } = cluster;
  if (disk === undefined || server === undefined) return;
  await pause(random.int(300, 1000));
  const before = { full: count(server.log, full), panic: count(server.log, panic) };
  const hold = random.int(500, 3000);
  try {
    let hit = false;
    // the server frees space by itself, at checkpoints and at its end: that is taken too
    for (let end = performance.now() + patienceMs; performance.now() < end; await pause(topUpMs)) {
      disk.fill();
      // segments that are there already would last for long
      if (nextSegments && !hit) await cluster.withAdmin((client) => client.query('select pg_switch_wal()')).catch(() => undefined);
      if (hit || count(server.log, full) === before.full) continue;
      hit = true;
      end = performance.now() + hold;
    }
  } finally {
    disk.free();
  }
  cluster.hit('writes that found the disk full', count(server.log, full) - before.full);
  if (count(server.log, panic) > before.panic) cluster.hit('PANIC');
  await backAgain(cluster);
}

/** The server may have ended by that: then somebody starts it again. The executors are left alone. */
export async function backAgain(cluster: Cluster): Promise<void> {
  const { server } = cluster;
  if (server === undefined) return;
  await until('the server answers again, or has ended', async () => {
    if (!processAlive(server.pid)) {
      await server.crash();
      await server.start();
      cluster.hit('server started again');
    }
    const now = await cluster.withAdmin((client) => client.query<{ now: Date }>('select clock_timestamp() as now')).catch(() => undefined);
    const [row] = now?.rows ?? [];
    if (row !== undefined) freedAt.set(cluster, row.now);
    return row !== undefined;
  });
}

/** Executors that ended a workflow since the disk was freed. */
async function backAtWork(cluster: Cluster): Promise<readonly string[]> {
  const { rows } = await cluster.withAdmin((client) =>
    client.query<{ name: string }>(
      `select distinct e.name from apiary.workflow_status w join apiary.executor e using (executor_id) where w.status = 'SUCCESS' and w.created_at > $1`,
      [freedAt.get(cluster)],
    ),
  );
  return rows.map(({ name }) => name);
}

const tailMs = 30_000;

export async function allBackAtWork(cluster: Cluster): Promise<void> {
  const all = async (): Promise<boolean> => (await backAtWork(cluster)).length >= cluster.alive.length;
  await until('every executor has ended a new workflow', all, { within: tailMs, every: 100 }).catch(() => undefined);
}

export async function judgeBackAtWork(cluster: Cluster): Promise<Judged> {
  const back = await backAtWork(cluster);
  const idle = cluster.members.filter(({ name, clients }) => clients > 0 && !back.includes(name)).map(({ name }) => ({ name }));
  cluster.hit('executors back at work without a restart', back.length);
  return { violations: violated('I6', 'an executor did nothing more after the disk was freed', idle) };
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

function onFullDisk(name: string, what: string, place: (disk: SmallDisk) => object): LoadExperiment {
  return {
    name,
    fault: `${what} full for seconds`,
    runs: 15,
    options: { executors: 3 },
    impossible: () => postgres15Missing() ?? SmallDisk.missing(),
    async prepare() {
      const disk = SmallDisk.mount(megabytes);
      return {
        options: { disk, ownServer: { settings: { ...durable, max_wal_size: '32MB', min_wal_size: '2MB' }, ...place(disk) } },
        [Symbol.asyncDispose]: () => disk[Symbol.asyncDispose](),
      };
    },
    strike: (cluster) => fillDisk(cluster, name === 'E14 log'),
    heal: allBackAtWork,
    judge: judgeBackAtWork,
    mustHit: ['writes that found the disk full'],
  };
}

export const fullDisks: readonly LoadExperiment[] = [
  onFullDisk('E14 data', 'disk of data and log', ({ path }) => ({ data: `${path}/data`, initdb: ['--wal-segsize=1'] })),
  onFullDisk('E14 log', 'disk of the log', ({ path }) => ({ initdb: ['--wal-segsize=1', `--waldir=${path}/wal`] })),
];
