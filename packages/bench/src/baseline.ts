import type { OperationCost } from './coordinator/measurement.js';

/** What the idle engine does meanwhile (a statement a second) must not count as growth; one statement more in every twentieth operation must. */
const SLACK = 0.05;
const WAL_SLACK = 1.05;

/** Major version of the server, and the cost of one operation by `workload engine`. */
export interface Baseline {
  readonly server: number;
  readonly costs: Readonly<Record<string, OperationCost>>;
}

/** Every cost that grew, as a sentence. */
export function compare(baseline: Baseline, now: Baseline): string[] {
  const problems: string[] = [];
  for (const [name, cost] of Object.entries(now.costs)) {
    const was = baseline.costs[name];
    if (!was) {
      problems.push(`${name}: not in the baseline`);
      continue;
    }
    for (const key of ['statements', 'roundTrips', 'commits'] as const) {
      const [before, after] = [was[key], cost[key]];
      if (before !== null && after !== null && !(after <= before + SLACK)) problems.push(`${name}: ${key} grew from ${before} to ${after}`);
    }
    if (baseline.server === now.server && !(cost.wal <= was.wal * WAL_SLACK)) problems.push(`${name}: log grew from ${was.wal} to ${cost.wal} bytes`);
  }
  return [...problems, ...Object.keys(baseline.costs).flatMap((name) => (name in now.costs ? [] : [`${name}: in the baseline, but not measured`]))];
}
