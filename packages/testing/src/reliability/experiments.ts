/** The randomized experiments: what is broken, how, and how often. */
import { postgres15Missing } from '../faults/postgres15.js';
import { anyValue } from './any-value.js';
import { durable } from './cluster.js';
import type { Experiment } from './experiment.js';
import { failingFlush } from './failing-flush.js';
import { firstStarts } from './first-starts.js';
import { fullDisks } from './full-disk.js';
import { frozen, littleCpu, littleMemory } from './held-back.js';
import { lostNotifications } from './lost-notifications.js';
import { serverClock } from './server-clock.js';
import {
  asDba,
  busy,
  countBehind,
  crashServer,
  healProxies,
  killForGood,
  killOne,
  noise,
  noTimeouts,
  oneOfEach,
  partition,
  pause,
  roll,
  storm,
  suspend,
  turnClock,
} from './strikes.js';

export const experiments: readonly Experiment[] = [
  { name: 'E4', fault: 'SIGKILL of an executor, another takes its place', runs: 100, options: { executors: 3 }, strike: killOne, mustHit: ['SIGKILL'] },
  {
    name: 'E5',
    fault: 'immediate stop of the database server',
    impossible: postgres15Missing,
    runs: 100,
    options: { executors: 3, ownServer: { settings: durable } },
    strike: crashServer,
    mustHit: ['immediate stop of the server'],
  },
  {
    name: 'E5 load',
    fault: 'the same under load: two batches of the journal on their way',
    impossible: postgres15Missing,
    runs: 100,
    options: { executors: 3, ownServer: { settings: durable }, orders: busy },
    strike: crashServer,
    heal: async (cluster) => countBehind(cluster),
    mustHit: ['immediate stop of the server', 'flights behind another one'],
  },
  { name: 'E6', fault: 'SIGKILL for good: the time of a takeover', runs: 200, options: { executors: 2 }, strike: killForGood, mustHit: ['SIGKILL for good'] },
  {
    name: 'E7',
    fault: 'SIGSTOP for one to three leases, SIGCONT',
    runs: 200,
    options: { executors: 3 },
    strike: suspend,
    mustHit: ['SIGSTOP', 'fenced while stopped'],
  },
  frozen,
  {
    name: 'E8',
    fault: 'black hole around one executor, both ways or one',
    runs: 100,
    options: { executors: 3 },
    strike: partition,
    mustHit: ['connections in a black hole'],
  },
  {
    ...{ name: 'E9', fault: 'delays, chopped segments, resets, 5 % of the answers to COMMIT lost', runs: 100, options: { executors: 3, rules: noise } },
    strike: () => pause(500),
    heal: healProxies,
    mustHit: ['lose answer', 'delay', 'chop', 'reset'],
  },
  {
    ...{ name: 'E9 load', fault: 'the same under load', runs: 100, options: { executors: 3, rules: noise, orders: busy } },
    strike: () => pause(500),
    heal: (cluster) => (countBehind(cluster), healProxies(cluster)),
    mustHit: ['lose answer', 'reset', 'flights behind another one'],
  },
  lostNotifications,
  { name: 'E11', fault: 'clocks of executors set an hour wrong', runs: 50, options: { executors: 3 }, strike: turnClock, mustHit: ['clock set an hour wrong'] },
  serverClock,
  firstStarts,
  ...fullDisks,
  failingFlush,
  anyValue,
  {
    name: 'E16',
    fault: 'a pool of one connection, and SIGKILL',
    runs: 60,
    options: { executors: 2, orders: { pool: 1 } },
    strike: killOne,
    mustHit: ['SIGKILL'],
  },
  littleMemory,
  littleCpu,
  {
    name: 'E17',
    fault: 'an administrator: backends ended, tables locked, time-outs, other defaults, vacuum full',
    runs: 80,
    options: { executors: 3 },
    strike: asDba,
    heal: (cluster) => cluster.withAdmin(noTimeouts),
    mustHit: [],
  },
  {
    name: 'E18',
    fault: 'rolling deployment of two versions by SIGTERM',
    runs: 100,
    options: { executors: 3 },
    strike: roll,
    heal: oneOfEach,
    mustHit: ['SIGTERM'],
  },
  {
    name: 'E19',
    fault: 'SIGKILL of all executors, all come back at once',
    runs: 5,
    options: { executors: 4, orders: { clients: 64, thinkMs: 0 } },
    strike: storm,
    mustHit: ['SIGKILL of all'],
  },
  {
    ...{ name: 'E21', fault: 'list-append history under E4 and E9', runs: 60, options: { executors: 3, rules: noise, orders: { kinds: ['lists'] } } },
    strike: killOne,
    heal: healProxies,
    mustHit: ['SIGKILL', 'lose answer'],
  },
];
