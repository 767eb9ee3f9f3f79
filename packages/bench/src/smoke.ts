import { readFileSync, writeFileSync } from 'node:fs';
import { type Baseline, compare, growthOf } from './baseline.js';
import { contendersFor, withContenders } from './coordinator/bench.js';
import { type Contender, countedRun } from './coordinator/cell.js';
import type { OperationCost } from './coordinator/measurement.js';
import { ServerMeter } from './server/meter.js';
import { openServer } from './server/server.js';
import { createTables } from './server/tables.js';
import { type Workload, WORKLOADS } from './workloads/workload.js';

const BASELINE = new URL('../baseline.json', import.meta.url);
const ENGINES = [
  'raw',
  'apiary',
  'apiary/batch',
  'apiary/db',
  'apiary/db-together',
  'apiary/direct',
  'apiary/direct-batch',
  'apiary/direct-db',
  'apiary/procedure',
];
const OPERATIONS = 100;
/** On a busy machine the engine may find a function slow and send its commit early, which costs a commit more. What has grown, has grown in all runs. */
const RUNS = 3;

type Costs = Record<string, OperationCost>;

/**
 * The regression guard: counts, not times, at one client.
 * @returns the exit code: 1 if an operation costs more than in the baseline, or is not in it.
 */
export async function smoke({ update }: { readonly update: boolean }): Promise<number> {
  const baseline = update ? undefined : (JSON.parse(readFileSync(BASELINE, 'utf8')) as Baseline);
  const { server, costs } = await measure(baseline);
  for (const [name, cost] of Object.entries(costs)) console.log(`${name.padEnd(28)} ${line(cost)}`);
  if (!baseline) {
    const kept = Object.fromEntries(Object.entries(costs).map(([name, { seconds: _, ...cost }]) => [name, cost]));
    writeFileSync(BASELINE, `${JSON.stringify({ server, costs: kept } satisfies Baseline, null, 2)}\n`);
    console.log(`baseline written: ${Object.keys(costs).length} operations`);
    return 0;
  }
  const problems = compare(baseline, server, costs);
  if (baseline.server !== server) console.log(`PostgreSQL ${server}, baseline ${baseline.server}: bytes of log are not compared`);
  for (const problem of problems) console.error(problem);
  console.log(
    problems.length === 0 ? 'no operation costs more than in the baseline' : `${problems.length} costs grew; if that is meant: npm run bench:smoke -- --update`,
  );
  return problems.length === 0 ? 0 : 1;
}

async function measure(baseline: Baseline | undefined): Promise<{ server: number; costs: Costs }> {
  const server = await openServer({ autovacuum: 'off' });
  try {
    await createTables(server.client, WORKLOADS);
    const meter = await ServerMeter.create(server.client);
    const { rows } = await server.client.query<{ major: number }>("select current_setting('server_version_num')::int / 10000 as major");
    const major = rows[0]?.major ?? 0;
    const enough = (name: string, cost: OperationCost): boolean => baseline !== undefined && growthOf(name, cost, baseline, major).length === 0;
    const costs = await withContenders(server.url, ENGINES, 20, (all) => costsOf(all, meter, enough));
    return { server: major, costs };
  } finally {
    await server.close();
  }
}

async function costsOf(all: readonly Contender[], meter: ServerMeter, enough: (name: string, cost: OperationCost) => boolean): Promise<Costs> {
  const costs: Costs = {};
  for (const workload of WORKLOADS) {
    for (const contender of await contendersFor(all, workload)) {
      const name = `${workload.name} ${contender.label}`;
      costs[name] = await leastCost(contender, workload, meter, (cost) => enough(name, cost));
    }
  }
  return costs;
}

/** The least of some runs; fewer, if the first ones are good enough. */
async function leastCost(contender: Contender, workload: Workload, meter: ServerMeter, enough: (cost: OperationCost) => boolean): Promise<OperationCost> {
  let best = await countedRun(contender, meter, { workload, clients: 1, operations: OPERATIONS });
  for (let run = 1; run < RUNS && !enough(best); run++)
    best = lesser(best, await countedRun(contender, meter, { workload, clients: 1, operations: OPERATIONS }));
  return {
    ...best,
    statements: hundredth(best.statements),
    serverStatements: best.serverStatements === null ? null : hundredth(best.serverStatements),
    roundTrips: hundredth(best.roundTrips),
    commits: best.commits === null ? null : hundredth(best.commits),
    wal: Math.round(best.wal),
  };
}

const lesser = (one: OperationCost, other: OperationCost): OperationCost => ({
  statements: Math.min(one.statements, other.statements),
  serverStatements: orNull(one.serverStatements, other.serverStatements),
  roundTrips: Math.min(one.roundTrips, other.roundTrips),
  commits: orNull(one.commits, other.commits),
  wal: Math.min(one.wal, other.wal),
  seconds: Math.max(one.seconds, other.seconds),
});

const orNull = (one: number | null, other: number | null): number | null => (one === null || other === null ? null : Math.min(one, other));

const hundredth = (value: number): number => Number(value.toFixed(2));

const line = (cost: OperationCost): string =>
  `${cost.statements} statements, ${cost.roundTrips} round trips, ${cost.commits ?? 'n/a'} commits, ${cost.wal} bytes of log`;
