/** Runs many workflows in this process and tells what they left in its memory. Needs --expose-gc. */
import { Apiary, Service, Transaction, Workflow, sql } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { childSide } from '@apiary/testing/internal';

export interface Task {
  readonly database: string;
  readonly workflows: number;
  readonly concurrency: number;
  readonly calls: number;
}
export interface Report {
  /** Megabytes after a collection, in the order of time: warm, half way, at the end. */
  readonly heap: readonly number[];
  readonly seconds: number;
  readonly callSeconds: number;
  readonly left: { readonly tickets: number; readonly running: number; readonly voided: number };
  readonly count: number;
  readonly pool: number;
}

@Service()
class Flows {
  @Workflow()
  async echo(n: number): Promise<number> {
    return n;
  }
  @Transaction({ isolation: 'read committed' })
  async one(n: number): Promise<number> {
    return (await sql<{ n: number }>`select ${n}::int as n`.one()).n;
  }
}

const side = childSide();
const task = JSON.parse(process.argv[2] ?? '{}') as Task;
const app = await Apiary.launch({ services: [Flows], database: task.database, log: { level: 'silent' }, lease: '1 minute', pool: { size: 10, systemSize: 4 } });
const { executor } = runningOf(app);
const flows = app.get(Flows);

async function run(count: number, from: number): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      const n = next++;
      if (n >= count) return;
      // Half of them have an id of their own, and with it a look-up and a registry entry.
      const value =
        n % 2 === 0
          ? await flows.echo(n)
          : await app
              .start(Flows, { workflowId: `w${from + n}` })
              .echo(n)
              .result();
      if (value !== n) throw new Error(`${n} gave ${value}`);
    }
  };
  await Promise.all(Array.from({ length: task.concurrency }, worker));
}

async function heap(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20)); // what is scheduled for later lets go
    (globalThis as { gc?: () => void }).gc?.();
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

const warmUp = 5000;
await run(warmUp, 0);
const figures = [await heap()];
const began = performance.now();
for (let part = 0; part < 2; part++) {
  await run(task.workflows / 2, warmUp + part * task.workflows);
  figures.push(await heap());
}
const seconds = (performance.now() - began) / 1000;
const left = { tickets: executor.tickets.size, running: executor.lifecycle.running.size, voided: executor.lifecycle.counters.voided };

// Direct calls, all at once, on few connections.
const callsBegan = performance.now();
let most = 0;
const watch = setInterval(() => (most = Math.max(most, executor.store.connections.gauges.userLeased)), 5);
const answers = await Promise.all(Array.from({ length: task.calls }, (_, n) => flows.one(n)));
clearInterval(watch);
const report: Report = {
  heap: figures,
  seconds,
  callSeconds: (performance.now() - callsBegan) / 1000,
  left,
  count: answers.filter((value, n) => value === n).length,
  pool: most,
};
await side.result(report);
await app.shutdown();
side.leave();
