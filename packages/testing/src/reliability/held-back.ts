/** What the kernel does to an executor: it freezes it, kills it for its memory, or gives it a tenth of a processor. */
import { ControlGroup } from '../faults/control-group.js';
import { until } from '../faults/until.js';
import { leaseMs, type Cluster, type Member } from './cluster.js';
import type { LoadExperiment } from './experiment.js';
import { pause, some, standStill } from './strikes.js';

const memoryBytes = 150 << 20;
const cpuShare = 0.1;
const impossible = (): string | undefined => ControlGroup.missing();

/** Groups of executors, to be removed when these have ended. */
const groups = new WeakMap<Member, ControlGroup>();

function groupOf(member: Member): ControlGroup {
  let group = groups.get(member);
  if (group === undefined) {
    group = ControlGroup.make();
    group.add(member.child.pid);
    groups.set(member, group);
    const made = group;
    void member.child.exited.then(() => until('its group is empty', () => (made[Symbol.dispose](), true)));
  }
  return group;
}

const freeze = (cluster: Cluster): Promise<void> =>
  standStill(cluster, 'frozen', 'fenced while frozen', async (victim) => {
    const group = groupOf(victim);
    await group.freeze();
    return async () => group.thaw();
  });

async function killForMemory(cluster: Cluster): Promise<void> {
  await pause(cluster.random.int(300, 1000));
  const victim = some(cluster);
  if (victim === undefined) return;
  const group = groupOf(victim);
  group.limitMemory(memoryBytes);
  victim.alive = false;
  victim.killed = true;
  // Read before the group goes with its process.
  let kills = 0;
  const watch = setInterval(() => (kills = Math.max(kills, killsOf(group))), 1);
  cluster.tell(victim, { kind: 'hog' });
  const { signal } = await victim.child.exited;
  clearInterval(watch);
  if (signal === 'SIGKILL') cluster.hit('SIGKILL for its memory');
  if (kills > 0) cluster.hit('counted by the kernel', kills);
  await victim.proxy.stop();
  await cluster.spawn();
}

/** The group may be gone with its process. */
function killsOf(group: ControlGroup): number {
  try {
    return group.killedForMemory;
  } catch {
    return 0;
  }
}

async function slowDown(cluster: Cluster): Promise<void> {
  await pause(cluster.random.int(100, 400));
  const victim = some(cluster);
  if (victim === undefined) return;
  const group = groupOf(victim);
  const before = group.throttled;
  group.limitCpu(cpuShare);
  await pause(cluster.random.int(leaseMs, 3 * leaseMs));
  group.limitCpu(undefined);
  cluster.hit('a tenth of a processor');
  cluster.hit('tenths of a second throttled', group.throttled - before);
}

export const frozen: LoadExperiment = {
  name: 'E7 frozen',
  fault: 'frozen by its control group for one to three leases',
  runs: 200,
  options: { executors: 3 },
  impossible,
  strike: freeze,
  mustHit: ['frozen', 'fenced while frozen'],
};

export const littleMemory: LoadExperiment = {
  name: 'E16 memory',
  fault: 'killed by the kernel at 150 MB of memory',
  runs: 60,
  options: { executors: 2 },
  impossible,
  strike: killForMemory,
  mustHit: ['SIGKILL for its memory'],
};

export const littleCpu: LoadExperiment = {
  name: 'E16 cpu',
  fault: 'a tenth of a processor for one to three leases',
  runs: 60,
  options: { executors: 2 },
  impossible,
  strike: slowDown,
  mustHit: ['tenths of a second throttled'],
};
