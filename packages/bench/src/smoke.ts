import { readFileSync, writeFileSync } from 'node:fs';
import { type Baseline, compare } from './baseline.js';
import { contendersFor, withContenders } from './coordinator/bench.js';
import { type Contender, countedRun } from './coordinator/cell.js';
import type { OperationCost } from './coordinator/measurement.js';
import { ServerMeter } from './server/meter.js';
import { openServer } from './server/server.js';
import { createTables } from './server/tables.js';
import { type Workload, WORKLOADS } from './workloads/workload.js';

const BASELINE = new URL('../baseline.json', import.meta.url);
const ENGINES = ['raw', 'apiary', 'apiary/db', 'apiary/direct', 'apiary/direct-db', 'apiary/procedure'];
const RUNS = 3;

/**
 * The regression guard: counts, not times, at one client.
 * @returns the exit code: 1 if an operation costs more than in the baseline, or is not in it.
 */
export async function smoke({ update }: { readonly update: boolean }): Promise<number> {
  const now = await measure();
  if (update) {
    writeFileSync(BASELINE, `${JSON.stringify(now, null, 2)}\n`);
    console.log(`baseline written: ${Object.keys(now.costs).length} operations`);
    return 0;
  }
  const baseline = JSON.parse(readFileSync(BASELINE, 'utf8')) as Baseline;
  const problems = compare(baseline, now);
  for (const [name, cost] of Object.entries(now.costs)) console.log(`${name.padEnd(28)} ${line(cost)}`);
  if (baseline.server !== now.server) console.log(`PostgreSQL ${now.server}, baseline ${baseline.server}: bytes of log are not compared`);
  for (const problem of problems) console.error(problem);
  console.log(problems.length === 0 ? 'no operation costs more than in the baseline' : `${problems.length} costs grew; if that is meant: npm run bench:smoke -- --update`);
  return problems.length === 0 ? 0 : 1;
}

async function measure(): Promise<Baseline> {
  const server = await openServer({ autovacuum: 'off' });
  try {
    await createTables(server.client, WORKLOADS);
    const meter = await ServerMeter.create(server.client);
    const { rows } = await server.client.query<{ major: number }>("select current_setting('server_version_num')::int / 10000 as major");
    const costs = await withContenders(server.url, ENGINES, 20, (all) => costsOf(all, meter));
    return { server: rows[0]?.major ?? 0, costs };
  } finally {
    await server.close();
  }
}

async function costsOf(all: readonly Contender[], meter: ServerMeter): Promise<Record<string, OperationCost>> {
  const costs: Record<string, OperationCost> = {};
  for (const workload of WORKLOADS) {
    for (const contender of await contendersFor(all, workload)) costs[`${workload.name} ${contender.label}`] = await leastCost(contender, workload, meter);
  }
  return costs;
}

/**
 * The least of some runs: on a busy machine the engine may find a function slow and send its commit early, which costs a commit more. What has grown, has grown in
 * all of them.
 */
async function leastCost(contender: Contender, workload: Workload, meter: ServerMeter): Promise<OperationCost> {
  const runs: OperationCost[] = [];
  for (let run = 0; run < RUNS; run++) runs.push(await countedRun(contender, meter, { workload, clients: 1 }));
  const least = (pick: (cost: OperationCost) => number | null): number => Math.min(...runs.map((run) => pick(run) ?? Number.NaN));
  const orNull = (value: number): number | null => (Number.isNaN(value) ? null : hundredth(value));
  return {
    statements: hundredth(least((cost) => cost.statements)),
    serverStatements: orNull(least((cost) => cost.serverStatements)),
    roundTrips: hundredth(least((cost) => cost.roundTrips)),
    commits: orNull(least((cost) => cost.commits)),
    wal: Math.round(least((cost) => cost.wal)),
  };
}

const hundredth = (value: number): number => Number(value.toFixed(2));

const line = (cost: OperationCost): string =>
  `${cost.statements} statements, ${cost.roundTrips} round trips, ${cost.commits ?? 'n/a'} commits, ${cost.wal} bytes of log`;
