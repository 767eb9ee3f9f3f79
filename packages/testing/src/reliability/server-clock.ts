/** E11: the clock of the database server is set five minutes ahead, again and again. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgres15Missing } from '../faults/postgres15.js';
import { durable, type Cluster } from './cluster.js';
import type { LoadExperiment } from './experiment.js';
import { pause } from './strikes.js';

const library = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';
const stepS = 300;

async function serverTimeS(cluster: Cluster): Promise<number> {
  return cluster.withAdmin(async (client) => {
    const { rows } = await client.query<{ s: string }>('select extract(epoch from clock_timestamp()) as s');
    return Number(rows[0]?.s);
  });
}

async function setAhead(cluster: Cluster): Promise<void> {
  await pause(cluster.random.int(1000, 2000));
  const { clockFile } = cluster;
  if (clockFile === undefined) return;
  const before = await serverTimeS(cluster);
  writeFileSync(clockFile, `+${Number(readFileSync(clockFile, 'utf8')) + stepS}\n`);
  if ((await serverTimeS(cluster)) - before >= stepS) cluster.hit('server clock five minutes ahead');
}

export const serverClock: LoadExperiment = {
  name: 'E11 server',
  fault: "the database server's clock set five minutes ahead",
  runs: 50,
  options: { executors: 3 },
  impossible: () => postgres15Missing() ?? (existsSync(library) ? undefined : `no libfaketime here: ${library} not found`),
  async prepare() {
    const folder = mkdtempSync(join(tmpdir(), 'apiary-clock-'));
    chmodSync(folder, 0o755);
    const clockFile = join(folder, 'ahead');
    writeFileSync(clockFile, '+0\n');
    const env = { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: clockFile, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
    return {
      options: { clockFile, ownServer: { settings: durable, env } },
      [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true }),
    };
  },
  strike: setAhead,
  mustHit: ['server clock five minutes ahead'],
};
