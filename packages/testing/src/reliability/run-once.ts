import { check } from './check.js';
import { Cluster } from './cluster.js';
import { quiesceMs, type Experiment } from './experiments.js';

export interface RunResult {
  readonly experiment: string;
  readonly seed: number;
  readonly seconds: number;
  readonly workflows: number;
  readonly hits: Readonly<Record<string, number>>;
  /** Milliseconds from the end of the faults until all had ended. */
  readonly quiesced: number;
  readonly takeovers: readonly number[];
  /** `no fault`: the run proves nothing. */
  readonly verdict: 'holds' | 'broken' | 'stuck' | 'no fault';
  readonly problems: readonly string[];
}

/** Load and faults for so many seconds, then healing, rest, and the invariants. */
export async function runOnce(experiment: Experiment, seed: number, seconds: number): Promise<RunResult> {
  const cluster = await Cluster.start({ ...experiment.options, seed });
  const base = { experiment: experiment.name, seed, seconds };
  try {
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) await experiment.strike(cluster);
    await experiment.heal?.(cluster);
    if (cluster.alive.length === 0) await cluster.spawn({ clients: 0 });
    let quiesced: number;
    try {
      quiesced = await cluster.quiesce(quiesceMs);
    } catch (error) {
      return { ...base, ...facts(cluster), workflows: 0, quiesced: quiesceMs, verdict: 'stuck', problems: [String(error)] };
    }
    await Promise.all(cluster.alive.map((member) => cluster.end(member)));
    const { workflows, violations } = await check(cluster);
    const missing = experiment.mustHit.filter((fault) => (cluster.hits.get(fault) ?? 0) === 0);
    return {
      ...base,
      ...facts(cluster),
      ...{ workflows, quiesced: Math.round(quiesced) },
      verdict: violations.length > 0 ? 'broken' : missing.length > 0 ? 'no fault' : 'holds',
      problems: [
        ...violations.map(({ invariant, problem, rows }) => `${invariant}: ${problem}: ${rows.map((row) => JSON.stringify(row)).join(' ')}`),
        ...missing.map((fault) => `the fault did not happen: ${fault}`),
      ],
    };
  } finally {
    await cluster.remove();
  }
}

function facts(cluster: Cluster): Pick<RunResult, 'hits' | 'takeovers'> {
  return { hits: Object.fromEntries(cluster.hits), takeovers: cluster.takeovers.map(Math.round) };
}
