/** What is broken while the workload runs. Each fault that happened is counted by the fault itself. */
import type pg from 'pg';
import { stopProcess } from '../faults/sigstop.js';
import { commits } from '../faults/tcp/rule.js';
import { until } from '../faults/until.js';
import { leaseMs, type Cluster, type Member } from './cluster.js';
import type { Orders } from './orders.js';

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
export const some = (cluster: Cluster): Member | undefined => (cluster.alive.length === 0 ? undefined : cluster.random.pick(cluster.alive));

export async function killOne(cluster: Cluster): Promise<void> {
  await pause(cluster.random.int(100, 1200));
  const victim = some(cluster);
  if (victim === undefined) return;
  await cluster.kill(victim);
  cluster.hit('SIGKILL');
  await cluster.spawn();
}

/** For good, with nobody new until its work has other owners: the time of a takeover. */
export async function killForGood(cluster: Cluster): Promise<void> {
  await pause(cluster.random.int(500, 1000));
  const victim = some(cluster);
  if (victim === undefined || cluster.alive.length < 2) return;
  await cluster.kill(victim);
  const since = performance.now();
  await cluster.withAdmin(async (client) => {
    const { rows } = await client.query<{ id: string }>('select executor_id as id from apiary.executor where not settled');
    await until(
      'the dead executor is settled',
      async () =>
        (await client.query('select from apiary.executor where not settled and executor_id = any($1)', [rows.map(({ id }) => id)])).rowCount !== rows.length,
      { within: 60_000, every: 10 },
    );
  });
  cluster.takeovers.push(performance.now() - since);
  cluster.hit('SIGKILL for good');
  await cluster.spawn();
}

export async function crashServer(cluster: Cluster): Promise<void> {
  await pause(cluster.random.int(1000, 2500));
  await cluster.server?.crash();
  cluster.hit('immediate stop of the server');
  await pause(cluster.random.int(0, 1000));
  await cluster.server?.start();
}

export const suspend = (cluster: Cluster): Promise<void> =>
  standStill(cluster, 'SIGSTOP', 'fenced while stopped', async ({ child }) => {
    const stopped = await stopProcess(child.pid);
    return () => stopped.continue();
  });

/**
 * An executor stands still for one to three leases.
 * @param stop resolves when it does, with what lets it go on
 */
export async function standStill(
  cluster: Cluster,
  fault: string,
  fencedMeanwhile: string,
  stop: (victim: Member) => Promise<() => Promise<void>>,
): Promise<void> {
  await pause(cluster.random.int(200, 600));
  const victim = some(cluster);
  if (victim === undefined) return;
  const before = await fencedOnes(cluster);
  const goOn = await stop(victim);
  await pause(cluster.random.int(leaseMs, 3 * leaseMs));
  const after = await fencedOnes(cluster);
  await goOn();
  cluster.hit(fault);
  if (after > before) cluster.hit(fencedMeanwhile);
}

async function fencedOnes(cluster: Cluster): Promise<number> {
  const { rowCount } = await cluster.withAdmin((client) => client.query('select from apiary.executor where fenced'));
  return rowCount ?? 0;
}

export async function partition(cluster: Cluster): Promise<void> {
  await pause(cluster.random.int(200, 600));
  const victim = some(cluster);
  if (victim === undefined) return;
  const way = cluster.random.pick(['both', 'to server', 'to client'] as const);
  const open = victim.proxy.links.length;
  victim.proxy.partition(way);
  cluster.hit(`black hole ${way}`);
  cluster.hit('connections in a black hole', open);
  await pause(cluster.random.int(leaseMs / 2, 3 * leaseMs));
  await victim.proxy.heal();
}

/** Rules for the whole run, on every proxy, counted by the proxies. */
export function noise(member: Pick<Member, 'proxy'>): void {
  const { proxy } = member;
  const often = 1_000_000;
  proxy.add({ on: 'request', is: commits, chance: 0.05, times: often, fault: { kind: 'lose answer' } });
  proxy.add({ on: 'request', is: () => true, chance: 0.02, times: often, fault: { kind: 'delay', ms: [0, 300] } });
  proxy.add({ on: 'open', chance: 0.3, times: often, fault: { kind: 'chop' } });
  proxy.add({ on: 'request', is: () => true, chance: 0.002, times: often, fault: { kind: 'reset', bytes: [0, 200] } });
}

/** Ends the rules of `noise`, and counts what they did. */
export async function healProxies(cluster: Cluster): Promise<void> {
  for (const { proxy } of cluster.members) for (const [kind, times] of proxy.hits) cluster.hit(kind, times);
  await Promise.all(cluster.alive.map(({ proxy }) => proxy.heal()));
}

/** Many clients, so that the journal has two batches on their way. */
export const busy: Partial<Orders> = { clients: 64, thinkMs: 0, kinds: ['letters', 'letters', 'letters', 'family'] };

export function countBehind(cluster: Cluster): void {
  cluster.hit(
    'flights behind another one',
    cluster.members.reduce((sum, { proxy }) => sum + proxy.behind, 0),
  );
}

export async function asDba(cluster: Cluster): Promise<void> {
  await pause(cluster.random.int(300, 800));
  const actions: readonly (readonly [string, (client: pg.Client) => Promise<unknown>])[] = [
    [
      'terminate all backends',
      (c) => c.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()'),
    ],
    [
      'lock a table',
      async (c) => (await c.query('begin'), await c.query('lock table apiary.workflow_status in access exclusive mode'), await pause(1500), c.query('commit')),
    ],
    ['vacuum full', (c) => c.query('vacuum full apiary.workflow_status')],
    ['short time-outs', (c) => changeDefaults(c, { statement_timeout: '100ms', lock_timeout: '50ms', idle_in_transaction_session_timeout: '100ms' })],
    ['serializable by default', (c) => changeDefaults(c, { default_transaction_isolation: 'serializable' })],
    ['no time-outs', noTimeouts],
  ];
  const [name, act] = cluster.random.pick(actions);
  await cluster.withAdmin(act);
  cluster.hit(name);
}

export const noTimeouts = (client: pg.Client): Promise<void> =>
  changeDefaults(client, { statement_timeout: '0', lock_timeout: '0', idle_in_transaction_session_timeout: '0' });

/** Sessions to come have them; those that are there are ended. */
async function changeDefaults(client: pg.Client, settings: Readonly<Record<string, string>>): Promise<void> {
  const { rows } = await client.query<{ name: string }>('select current_database() as name');
  for (const [name, value] of Object.entries(settings)) await client.query(`alter role current_user in database "${rows[0]?.name}" set ${name} = '${value}'`);
  await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()');
}

export async function roll(cluster: Cluster): Promise<void> {
  await pause(cluster.random.int(300, 1000));
  const victim = some(cluster);
  if (victim === undefined) return;
  const version = cluster.random.pick(['v1', 'v2']);
  const next = cluster.spawn({ version });
  victim.child.kill('SIGTERM').catch(() => {});
  cluster.hit('SIGTERM');
  await next;
  await victim.child.exited;
  await victim.proxy.stop();
}

/** Workflows of a version end on that version: one executor of each has to be left. */
export async function oneOfEach(cluster: Cluster): Promise<void> {
  for (const version of ['v1', 'v2']) if (!cluster.alive.some((member) => member.version === version)) await cluster.spawn({ version, clients: 0 });
}

export async function turnClock(cluster: Cluster): Promise<void> {
  await pause(cluster.random.int(300, 900));
  const victim = some(cluster);
  if (victim === undefined) return;
  const ms = cluster.random.pick([-3_600_000, 3_600_000, 0]);
  cluster.tell(victim, { kind: 'clock', ms });
  cluster.hit(ms === 0 ? 'clock set right' : 'clock set an hour wrong');
}

export async function storm(cluster: Cluster): Promise<void> {
  await pause(2000);
  const all = cluster.alive;
  await Promise.all(all.map((member) => cluster.kill(member)));
  cluster.hit('SIGKILL of all', 1);
  cluster.hit('workflows left behind', await cluster.unended());
  await Promise.all(all.map(() => cluster.spawn()));
}
