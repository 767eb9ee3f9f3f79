import type { RunReply } from '../engine/protocol.js';
import type { ServerMeter, StatementCost } from '../server/meter.js';
import type { Workload } from '../workloads/workload.js';
import type { EngineProcess } from './engine-process.js';
import type { Measurement, OperationCost } from './measurement.js';
import { median, range, sum } from './statistics.js';

/** An engine's process with the variant to run in it. */
export interface Contender {
  readonly label: string;
  readonly process: EngineProcess;
  readonly variant: string;
}

export interface CountOptions {
  readonly workload: Workload;
  readonly clients: number;
  /** Called with the server's view of each counted run. */
  readonly onStatements?: ((label: string, operations: number, costs: readonly StatementCost[]) => void) | undefined;
  /** In the counted run; default 200, and at least ten a client. */
  readonly operations?: number;
}

export interface CellOptions extends CountOptions {
  /** Rounds; the first is warm-up and is dropped. */
  readonly slices: number;
  /** Length of a slice. */
  readonly seconds: number;
}

interface Slice extends RunReply {
  readonly serverCpu: number | undefined;
}

const MIN_COUNTED = 200;
/** Connections are made and statements planned before anything is counted. */
const WARM_UP = 30;
/** Before anything is timed the engines' code is compiled: what a server does in its first second says little of the days after it. */
const COMPILED = { clients: 16, operations: 2000, seed: 0 };

export async function warmUp(contenders: readonly Contender[], { name }: Workload): Promise<void> {
  for (const { process, variant } of contenders) await process.run(name, variant, COMPILED, false);
}

/**
 * Measures all contenders in one cell. They take turns in short slices, so that what slows the machine down for a while slows all of them; each round begins
 * with another one. The first contender is the yardstick.
 */
export async function measureCell(contenders: readonly Contender[], meter: ServerMeter, options: CellOptions): Promise<Measurement[]> {
  await meter.settle();
  const slices = new Map<Contender, Slice[]>(contenders.map((contender) => [contender, []]));
  for (let round = 0; round < options.slices; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(round + turn) % contenders.length];
      if (!contender) continue;
      const slice = await timedSlice(contender, meter, options, round);
      if (round > 0) slices.get(contender)?.push(slice);
    }
  }
  const [yardstick] = slices.values();
  const measurements: Measurement[] = [];
  for (const [contender, own] of slices) {
    const cost = await countedRun(contender, meter, options);
    measurements.push(summary(contender.label, options, own, yardstick ?? [], cost));
  }
  return measurements;
}

async function timedSlice({ process, variant }: Contender, meter: ServerMeter, options: CellOptions, round: number): Promise<Slice> {
  const before = meter.cpu();
  const reply = await process.run(options.workload.name, variant, { clients: options.clients, seconds: options.seconds, seed: round }, false);
  const after = meter.cpu();
  return { ...reply, serverCpu: after !== undefined && before !== undefined ? after - before : undefined };
}

/** A fixed number of operations, whose cost is counted and not timed. An engine that leaves out work is found out here. */
export async function countedRun({ label, process, variant }: Contender, meter: ServerMeter, options: CountOptions): Promise<OperationCost> {
  const { workload, clients, operations = Math.max(MIN_COUNTED, clients * 10) } = options;
  await process.run(workload.name, variant, { clients, operations: Math.max(WARM_UP, clients * 2), seed: 0 }, false);
  const mark = await meter.mark();
  const { wire, seconds } = await process.run(workload.name, variant, { clients, operations, seed: 1 }, true);
  options.onStatements?.(label, operations, await meter.statementCosts());
  const counts = await meter.since(mark);
  if (counts.ledgerRows !== operations * workload.ledgerRows) {
    throw new Error(`${label} wrote ${counts.ledgerRows} ledger rows in ${operations} operations of ${workload.name}, not ${operations * workload.ledgerRows}`);
  }
  const each = (count: number | undefined): number | null => (count === undefined ? null : count / operations);
  return {
    statements: (wire?.statements ?? Number.NaN) / operations,
    serverStatements: each(counts.statements),
    roundTrips: (wire?.writes ?? Number.NaN) / operations,
    commits: each(counts.commits),
    wal: counts.wal / operations,
    seconds: seconds / operations,
  };
}

function summary(engine: string, options: CellOptions, slices: readonly Slice[], yardstick: readonly Slice[], cost: OperationCost): Measurement {
  const speed = (slice: Slice): number => slice.operations / slice.seconds;
  const ratios = slices.map((slice, round) => speed(slice) / speed(yardstick[round] ?? slice));
  const operations = sum(slices.map((slice) => slice.operations));
  const serverCpu = slices.map((slice) => slice.serverCpu).filter((value) => value !== undefined);
  return {
    workload: options.workload.name,
    clients: options.clients,
    engine,
    throughput: median(slices.map(speed)),
    p50: median(slices.map((slice) => slice.p50)),
    p99: median(slices.map((slice) => slice.p99)),
    ratio: median(ratios),
    ratioRange: range(ratios),
    cost,
    nodeCpu: sum(slices.map((slice) => slice.cpu)) / operations,
    serverCpu: serverCpu.length === slices.length ? sum(serverCpu) / operations : null,
    peakMemory: Math.max(...slices.map((slice) => slice.peakMemory)),
    slices: slices.map(speed),
  };
}
