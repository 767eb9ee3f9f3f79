import type { BenchServer } from '../server/server.js';
import { ServerMeter, type StatementCost } from '../server/meter.js';
import { createTables } from '../server/tables.js';
import type { Workload } from '../workloads/workload.js';
import { type Contender, measureCell, warmUp } from './cell.js';
import { EngineProcess } from './engine-process.js';
import type { Measurement } from './measurement.js';

export interface BenchOptions {
  readonly workloads: readonly Workload[];
  readonly clients: readonly number[];
  /** Names with variants: `raw`, `apiary/db`. The first is the yardstick. */
  readonly engines: readonly string[];
  readonly slices: number;
  readonly seconds: number;
  readonly pool: number;
}

export interface Progress {
  cell(workload: string, clients: number): void;
  statements?(label: string, operations: number, costs: readonly StatementCost[]): void;
}

/** Runs every cell and gives its measurements. Engines that do not have a workload are left out of it. */
export async function bench(server: BenchServer, options: BenchOptions, progress: Progress): Promise<Measurement[]> {
  await createTables(server.client, options.workloads);
  const meter = await ServerMeter.create(server.client);
  return withContenders(server.url, options.engines, options.pool, async (all) => {
    const measurements: Measurement[] = [];
    for (const workload of options.workloads) {
      const able = await contendersFor(all, workload);
      await warmUp(able, workload);
      for (const clients of options.clients) {
        progress.cell(workload.name, clients);
        const cell = { workload, clients, slices: options.slices, seconds: options.seconds, onStatements: progress.statements?.bind(progress) };
        measurements.push(...(await measureCell(able, meter, cell)));
      }
    }
    return measurements;
  });
}

export async function contendersFor(all: readonly Contender[], workload: Workload): Promise<Contender[]> {
  const able: Contender[] = [];
  for (const contender of all) if (await contender.process.supports(workload.name, contender.variant)) able.push(contender);
  return able;
}

/** Starts one process an engine, however many of its variants take part, and stops all of them in the end. */
export async function withContenders<R>(url: string, labels: readonly string[], pool: number, body: (all: readonly Contender[]) => Promise<R>): Promise<R> {
  const processes = new Map<string, EngineProcess>();
  try {
    const contenders: Contender[] = [];
    for (const label of labels) {
      const { engine, variant } = split(label);
      const process = processes.get(engine) ?? (await EngineProcess.start(engine, url, pool));
      processes.set(engine, process);
      contenders.push({ label, process, variant });
    }
    return await body(contenders);
  } finally {
    await Promise.all([...processes.values()].map((process) => process.stop()));
  }
}

/** `apiary/db` is the variant `db` of `apiary`; the path of a module has none. */
function split(label: string): { engine: string; variant: string } {
  const found = /^(\w+)\/([\w-]+)$/.exec(label);
  return { engine: found?.[1] ?? label, variant: found?.[2] ?? '' };
}
