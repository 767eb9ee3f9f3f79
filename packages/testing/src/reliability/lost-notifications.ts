/** E10: notifications are lost, and everything is found by polling. Clients wait for workflows that run elsewhere, or nothing would show. */
import { existsSync } from 'node:fs';
import { readAppendLog } from '../faults/append-log.js';
import { violated } from '../faults/ledger/violation.js';
import { letter } from '../faults/tcp/rule.js';
import { BodyReader, type Message } from '../faults/wire/message.js';
import type { Cluster } from './cluster.js';
import type { Judged, LoadExperiment } from './experiment.js';
import type { Seen } from './orders.js';
import { quantile } from './quantile.js';
import { pause, some } from './strikes.js';

/** Long, so that a result which came by notification and one which came by polling tell themselves apart. */
const poll = 500;
const slackMs = 100;
const often = 1_000_000;
const phaseMs = 2000;

/** `watch`: tell me when it ends; `ended`: it did. */
function notification(kind: 'watch' | 'ended'): (message: Message) => boolean {
  return (message) => {
    if (message.type !== 'A') return false;
    const reader = new BodyReader(message);
    reader.int32();
    reader.text();
    return reader.text().startsWith(`${kind} `);
  };
}

/** A fault, and its end. */
type Phase = (cluster: Cluster) => Promise<() => Promise<void>>;

/** Half of the requests to be told get through, so that there is something to tell; no answer does. */
const deaf: Phase = async (cluster) => {
  const rules = cluster.alive.flatMap(({ proxy }) => [
    { what: 'watch', rule: proxy.add({ on: 'answer', is: notification('watch'), times: often, chance: 0.5, fault: { kind: 'drop' } }) },
    { what: 'ended', rule: proxy.add({ on: 'answer', is: notification('ended'), times: often, fault: { kind: 'drop' } }) },
  ]);
  return async () => {
    for (const { what, rule } of rules) {
      cluster.hit(`'${what}' dropped`, rule.hits.length);
      rule.remove();
    }
  };
};

/** Its first notification turns the connection of one into a black hole, which nobody closes. */
const halfOpen: Phase = async (cluster) => {
  const victim = some(cluster);
  if (victim === undefined) return async () => {};
  const rule = victim.proxy.add({ on: 'answer', is: letter('A'), fault: { kind: 'black hole', way: 'to client' } });
  return async () => {
    cluster.hit('half-open LISTEN', rule.hits.length);
    await victim.proxy.heal();
  };
};

const listenersEnded: Phase = async (cluster) => {
  const { rowCount } = await cluster.withAdmin((client) =>
    client.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'listen %'`),
  );
  cluster.hit('LISTEN backend killed', rowCount ?? 0);
  return async () => {};
};

const phases = [deaf, halfOpen, listenersEnded];

async function lose(cluster: Cluster, round: number): Promise<void> {
  const end = await (phases[round % phases.length] as Phase)(cluster);
  await observe(cluster);
  await pause(phaseMs);
  await end();
  await pause(cluster.random.int(50, 250));
}

/** Lets every executor wait for the workflows that the others run. All at once: who begins another wait looks more often again, for all of them. */
async function observe(cluster: Cluster): Promise<void> {
  const { rows } = await cluster.withAdmin((client) =>
    client.query<{ id: string; executorId: string }>(
      `select workflow_id as id, executor_id as "executorId" from apiary.workflow_status where status = 'PENDING' and executor_id is not null`,
    ),
  );
  for (const { id, executorId } of rows) for (const member of cluster.alive) cluster.tell(member, { kind: 'observe', id, executorId });
}

/** How long after its commit somebody elsewhere knew of the end of a workflow that was waited for. */
async function judge(cluster: Cluster): Promise<Judged> {
  const lines = cluster.journals.map((file) => file.replace(/journal$/, 'seen')).flatMap((file) => (existsSync(file) ? readAppendLog<Seen>(file) : []));
  const { rows } = await cluster.withAdmin((client) =>
    client.query<{ id: string; at: number }>(`select workflow_id as id, (extract(epoch from updated_at) * 1000)::float8 as at from apiary.workflow_status`),
  );
  const ended = new Map(rows.map(({ id, at }) => [id, at]));
  const ms: number[] = [];
  for (const { id, since, at } of lines) {
    const end = ended.get(id ?? '');
    if (end !== undefined && since !== undefined && since < end) ms.push(Math.max(0, Math.round(at - end)));
  }
  // What the machine is late by, so is whoever waits on it.
  const lag = Math.round(
    quantile(
      lines.flatMap(({ lagMs }) => lagMs ?? []),
      0.99,
    ),
  );
  cluster.hit('seen from elsewhere', ms.length);
  return {
    violations: violated(
      'E10',
      'waiting for a workflow that runs elsewhere failed',
      lines.filter(({ error }) => error !== undefined),
    ),
    bounds: [{ what: `seen from elsewhere (poll ${poll} ms, timers late by ${lag} ms)`, limitMs: poll + slackMs + lag, ms }],
  };
}

export const lostNotifications: LoadExperiment = {
  name: 'E10',
  fault: 'notifications dropped, LISTEN backends ended, half-open LISTEN',
  runs: 50,
  options: { executors: 3, orders: { kinds: ['slow'], clients: 16, pollMs: poll, leaseMs: 4 * poll } },
  strike: lose,
  judge,
  mustHit: [`'watch' dropped`, `'ended' dropped`, 'half-open LISTEN', 'LISTEN backend killed', 'seen from elsewhere'],
};
