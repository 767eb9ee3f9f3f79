import type { OperationCost } from './coordinator/measurement.js';

/** One statement more in every twentieth operation is growth. */
const SLACK = 0.05;
/** What two idle engines may add in a second, whatever an operation costs. */
const IDLE = 2;
const WAL_SLACK = 1.05;
/** Bytes: of an operation that mostly reads, five percent is less than a page pruned on the way. */
const WAL_GRAIN = 4;
/** Bytes of log of one such statement. */
const IDLE_WAL = 300;

/** Major version of the server, and the cost of one operation by `workload engine`. */
export interface Baseline {
  readonly server: number;
  readonly costs: Readonly<Record<string, Omit<OperationCost, 'seconds'>>>;
}

/** Every cost that grew, as a sentence. */
export function compare(baseline: Baseline, server: number, costs: Readonly<Record<string, OperationCost>>): string[] {
  const missing = Object.keys(baseline.costs).filter((name) => !(name in costs));
  return [
    ...Object.entries(costs).flatMap(([name, cost]) => growthOf(name, cost, baseline, server)),
    ...missing.map((name) => `${name}: in the baseline, but not measured`),
  ];
}

export function growthOf(name: string, cost: OperationCost, baseline: Baseline, server: number): string[] {
  const was = baseline.costs[name];
  if (!was) return [`${name}: not in the baseline`];
  const problems: string[] = [];
  const idle = IDLE * cost.seconds;
  for (const key of ['statements', 'roundTrips', 'commits'] as const) {
    const [before, after] = [was[key], cost[key]];
    if (before !== null && after !== null && !(after <= before + SLACK + idle)) problems.push(`${name}: ${key} grew from ${before} to ${after}`);
  }
  if (baseline.server === server && !(cost.wal <= was.wal * WAL_SLACK + WAL_GRAIN + IDLE_WAL * idle))
    problems.push(`${name}: log grew from ${was.wal} to ${cost.wal} bytes`);
  return problems;
}
