/** A process of the randomized runs: an executor that is its own client. Everything it was told is in its journal before it goes on. */
import { Apiary, isApiaryError, type WorkflowHandle } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { shiftClock } from './shifted-clock.js';
import { AppendLog } from '../faults/append-log.js';
import { childSide } from '../faults/child-side.js';
import { ClientJournal } from '../faults/client-journal.js';
import { SeededRandom } from '../faults/random.js';
import { supervisedLaunch } from '../faults/supervised-launch.js';
import { TimerLag } from './timer-lag.js';
import { Accounts, kinds, Lists, Transfers, type Job } from './bank.js';
import type { Instruction, Orders, Seen } from './orders.js';

const orders = JSON.parse(process.env['APIARY_ORDERS'] ?? '{}') as Orders;
const side = childSide();
const random = new SeededRandom(orders.seed);
const journal = ClientJournal.open(orders.journal);
let loading = orders.clients > 0;
const waits = new Set<Promise<unknown>>();
let seen: AppendLog | undefined;
const lag = new TimerLag((lagMs) => void seen?.append({ at: Date.now(), lagMs } satisfies Seen));

const config = {
  services: [Transfers, Accounts, Lists],
  database: orders.database,
  lease: orders.leaseMs,
  poll: orders.pollMs,
  name: orders.name,
  version: orders.version ?? 'v1',
  log: { level: 'silent' },
  ...(orders.pool === undefined ? {} : { pool: { size: orders.pool } }),
} as Parameters<typeof Apiary.launch>[0];
const app = await supervisedLaunch(() => Apiary.launch(config));
side.ready();
side.onMessage((message) => obey(message as Instruction));
const clients = Array.from({ length: orders.clients }, (_, number) => client(number, random.fork()));

// As a deployment ends it: what runs is given back, nobody waits for it.
process.once('SIGTERM', () => void deployedOver());

async function deployedOver(): Promise<void> {
  loading = false;
  await app.shutdown({ grace: 200 });
  await Promise.all(clients);
  await journal.close();
  side.leave();
}

async function obey({ kind, ms, id, executorId }: Instruction): Promise<void> {
  if (kind === 'clock') return shiftClock(ms ?? 0);
  if (kind === 'hog') return hog();
  if (kind === 'observe') return observe(id ?? '', executorId ?? '');
  loading = false;
  if (kind === 'stop loading') return;
  await Promise.all([...clients, ...waits]);
  await app.shutdown({ grace: '5 seconds' });
  lag.stop();
  await seen?.close();
  await journal.close();
  await side.result();
  side.leave();
}

/** Takes memory until the kernel ends this process. */
async function hog(): Promise<void> {
  const taken: Buffer[] = [];
  for (;;) {
    taken.push(Buffer.alloc(4 << 20, 1));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Waits for a workflow that runs elsewhere, and notes when it was told. */
function observe(id: string, executorId: string): void {
  if (executorId === runningOf(app).executor.id) return;
  lag.start();
  const log = (seen ??= new AppendLog(orders.journal.replace(/journal$/, 'seen')));
  const note = (line: Seen): Promise<void> => log.append(line);
  const since = Date.now();
  const wait = app
    .handle(id)
    .result()
    .then(
      (value) => Promise.all([note({ id, since, at: Date.now() }), journal.result(id, 'SUCCESS', value)]),
      (error: unknown) => note({ id, since, at: Date.now(), error: String(error) }),
    )
    .finally(() => waits.delete(wait));
  waits.add(wait);
}

async function client(number: number, draw: SeededRandom): Promise<void> {
  for (let n = 0; loading; n++) {
    const from = draw.int(1, orders.accounts);
    const to = (from % orders.accounts) + 1;
    const own: Job = { id: `${orders.name}-${number}-${n}`, kind: draw.pick(orders.kinds ?? kinds), from, to, amount: draw.int(1, 5) };
    await ask(orders.kinds === undefined && n % 4 === 3 ? sharedJob(number, n) : own);
    await new Promise((resolve) => setTimeout(resolve, draw.int(0, orders.thinkMs)));
  }
}

/** All executors of a run ask for it at about the same time: one runs it, the others wait to be told. */
function sharedJob(number: number, n: number): Job {
  const from = (n % orders.accounts) + 1;
  return { id: `${orders.name.replace(/e\d+$/, '')}-shared-${number}-${n}`, kind: 'transfer', from, to: (from % orders.accounts) + 1, amount: 1 };
}

function begin({ kind, from, to, amount }: Job, options: { workflowId: string }): Promise<WorkflowHandle<unknown>> {
  if (kind === 'direct') return app.start(Accounts, options).move(from, to, amount);
  if (kind === 'lists') return app.start(Lists, options).lists(from, to);
  return app.start(Transfers, options)[kind](from, to, amount);
}

/** One workflow, asked for until its outcome is known, as a client would. */
async function ask(job: Job): Promise<void> {
  const { id, kind } = job;
  for (let tries = 0; tries < 50; tries++) {
    await journal.intent(id, kind, job);
    try {
      const options = { workflowId: id };
      const handle = await begin(job, options);
      await journal.ack(id);
      const value = await handle.result();
      return await journal.result(id, 'SUCCESS', value);
    } catch (error) {
      if (isApiaryError(error, 'SHUTTING_DOWN')) return await journal.unknown(id, error);
      if (isApiaryError(error, 'CANCELLED', 'DEAD', 'CONFLICT')) return await journal.result(id, error.code === 'CONFLICT' ? 'ERROR' : error.code);
      await journal.unknown(id, error);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
