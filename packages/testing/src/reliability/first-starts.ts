/** E13: the first start is a race of many processes, and one of them is killed in it. */
import { latestVersion } from '@apiary/core/internal';
import pg from 'pg';
import { createDatabase } from '../engine/database.js';
import { Child } from '../faults/child.js';
import { checkPostings } from '../faults/ledger/ledger-invariants.js';
import { createLedger } from '../faults/ledger/ledger.js';
import { violated, type Violation } from '../faults/ledger/violation.js';
import { SeededRandom } from '../faults/random.js';
import { until } from '../faults/until.js';
import { listTable, postingsOf } from './bank.js';
import { accounts } from './cluster.js';
import type { OwnExperiment, OwnRun } from './experiment.js';

const starters = 50;
/** They are started a few at a time: what is raced is the launch, not the start of node. */
const together = 5;
const withinMs = 10_000;
/** How the victim is found. */
const victims = ['the one that migrates', 'one that waits for it', 'any, at any moment'] as const;

interface Starter {
  readonly name: string;
  readonly child: Child;
}

async function run(seed: number): Promise<OwnRun> {
  const random = new SeededRandom(seed);
  await using database = await createDatabase();
  const [client, gate] = [await connect(database.connectionString), await connect(database.connectionString)];
  const all: Starter[] = [];
  try {
    await createLedger(client, { accounts });
    await client.query(listTable);
    while (all.length < starters) all.push(...(await spawn(database.connectionString, all.length)));
    const hits = new Map<string, number>();
    const kind = victims[seed % victims.length] ?? victims[0];
    // Only while the migration stands still is there time to wait for it: who makes the schema waits for this transaction.
    if (kind === 'one that waits for it') await gate.query('begin; create schema apiary');
    for (const { child } of all) child.send('go');
    const victim = await strike(client, all, random, kind, hits);
    await gate.query('rollback');
    const others = all.filter((starter) => starter !== victim);
    const launches = await Promise.allSettled(others.map(({ child }) => child.result));
    const failed = launches.flatMap((launch, i) => (launch.status === 'rejected' ? [{ name: others[i]?.name, error: String(launch.reason) }] : []));
    const ms = launches.flatMap((launch) => (launch.status === 'fulfilled' ? [Math.round(launch.value as number)] : []));
    return {
      workflows: ms.length,
      hits: hits.set('up', ms.length),
      violations: [...violated('E13', 'a process did not start', failed), ...(await check(client, others))],
      bounds: [{ what: `${starters} launches at once`, limitMs: withinMs, ms }],
    };
  } finally {
    await Promise.all(all.map(({ child }) => child.kill()));
    await Promise.all([client.end(), gate.end()]);
  }
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function spawn(database: string, from: number): Promise<Starter[]> {
  const some = await Promise.all(
    Array.from({ length: together }, async (_, i): Promise<Starter> => {
      const name = `starter-${from + i}`;
      return { name, child: await Child.spawn(new URL('starter.js', import.meta.url), { args: [database, name] }) };
    }),
  );
  await Promise.all(some.map(({ child }) => child.ready));
  return some;
}

/** SIGKILL of one, in its launch. */
async function strike(
  client: pg.Client,
  all: readonly Starter[],
  random: SeededRandom,
  kind: (typeof victims)[number],
  hits: Map<string, number>,
): Promise<Starter | undefined> {
  const victim = kind === 'any, at any moment' ? await anyone(all, random) : await atTheLock(client, all, kind === 'the one that migrates');
  if (victim === undefined) return undefined;
  let launched = false;
  victim.child.result.then(
    () => (launched = true),
    () => undefined,
  );
  const { signal } = await victim.child.kill();
  // one that had launched before it was killed proves nothing
  if (signal === 'SIGKILL' && !launched) hits.set('SIGKILL in the launch', 1).set(`of ${kind}`, 1);
  return victim;
}

async function anyone(all: readonly Starter[], random: SeededRandom): Promise<Starter> {
  await new Promise((resolve) => setTimeout(resolve, random.int(0, 300)));
  return random.pick(all);
}

/** Who holds the advisory lock of the migration, or waits for it. Undefined if all have started before one was seen there. */
async function atTheLock(client: pg.Client, all: readonly Starter[], granted: boolean): Promise<Starter | undefined> {
  let up = 0;
  for (const { child } of all)
    child.result.then(
      () => up++,
      () => undefined,
    );
  return until(
    'one is at the lock of the migration',
    async () => {
      const { rows } = await client.query<{ name: string }>(
        `select application_name as name from pg_locks join pg_stat_activity using (pid)
        where locktype = 'advisory' and classid = 4919482237562390 >> 32 and granted = $1
          and pg_locks.database = (select oid from pg_database where datname = current_database())`,
        [granted],
      );
      const found = all.find(({ name }) => rows.some((row) => row.name === `apiary ${name}`));
      return found === undefined ? up === all.length && 'all are up' : found;
    },
    { within: 60_000, every: 1 },
  ).then((found) => (found === 'all are up' ? undefined : found));
}

async function check(client: pg.Client, others: readonly Starter[]): Promise<Violation[]> {
  const versions = await client.query<{ version: number }>('select version from apiary.schema_version order by version');
  const expected = Array.from({ length: latestVersion }, (_, i) => i + 1);
  const found = versions.rows.map(({ version }) => version);
  const ids = new Set(
    (await client.query<{ id: string }>(`select workflow_id as id from apiary.workflow_status where status = 'SUCCESS'`)).rows.map(({ id }) => id),
  );
  const names = new Set((await client.query<{ name: string }>('select name from apiary.executor')).rows.map(({ name }) => name));
  const postings = others.flatMap(({ name }) => postingsOf({ id: name, kind: 'quick', from: 1, to: 2, amount: 1 }));
  return [
    ...violated('E13', 'not exactly one row of each version', JSON.stringify(found) === JSON.stringify(expected) ? [] : versions.rows),
    ...violated(
      'E13',
      'an executor or its workflow is missing',
      others.filter(({ name }) => !ids.has(name) || !names.has(name)).map(({ name }) => ({ name })),
    ),
    // There is one version yet. Whoever adds the second one adds the start from the first.
    ...violated('E13', 'starts on an older schema are not tried', latestVersion > 1 ? [{ latestVersion }] : []),
    ...(await checkPostings(client, postings)),
  ];
}

export const firstStarts: OwnExperiment = {
  name: 'E13',
  fault: `${starters} processes start at once on an empty database, SIGKILL of one in its launch`,
  runs: 30,
  run,
  mustHit: ['SIGKILL in the launch'],
};
