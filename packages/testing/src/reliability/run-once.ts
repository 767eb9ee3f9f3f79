import { violated, type Violation } from '../faults/ledger/violation.js';
import { checkIndexes } from './amcheck.js';
import { check } from './check.js';
import { Cluster } from './cluster.js';
import { quiesceMs, type Bound, type Experiment, type LoadExperiment, type OwnExperiment } from './experiment.js';
import { quantile } from './quantile.js';

export interface RunResult {
  readonly experiment: string;
  readonly seed: number;
  readonly seconds: number;
  readonly workflows: number;
  readonly hits: Readonly<Record<string, number>>;
  /** Milliseconds from the end of the faults until all had ended. */
  readonly quiesced: number;
  readonly takeovers: readonly number[];
  readonly bounds?: readonly Bound[];
  /** `no fault`: the run proves nothing. `late`: a bound was missed. `not run`: this machine cannot. */
  readonly verdict: 'holds' | 'broken' | 'stuck' | 'late' | 'no fault' | 'not run';
  readonly problems: readonly string[];
}

/** Load and faults for so many seconds, then healing, rest, and the invariants. */
export async function runOnce(experiment: Experiment, seed: number, seconds: number): Promise<RunResult> {
  return 'run' in experiment ? runOwn(experiment, seed, seconds) : runLoad(experiment, seed, seconds);
}

async function runOwn(experiment: OwnExperiment, seed: number, seconds: number): Promise<RunResult> {
  const { workflows, hits, violations, bounds = [], notRun } = await experiment.run(seed, seconds);
  const base = { experiment: experiment.name, seed, seconds, workflows, hits: Object.fromEntries(hits), quiesced: 0, takeovers: [], bounds };
  if (notRun !== undefined) return { ...base, verdict: 'not run', problems: [notRun] };
  return { ...base, ...verdictOf(experiment, hits, violations, bounds) };
}

async function runLoad(experiment: LoadExperiment, seed: number, seconds: number): Promise<RunResult> {
  const base = { experiment: experiment.name, seed, seconds };
  const impossible = experiment.impossible?.();
  if (impossible !== undefined) return { ...base, ...{ workflows: 0, hits: {}, quiesced: 0, takeovers: [], verdict: 'not run', problems: [impossible] } };
  await using prepared = await experiment.prepare?.(seed);
  await using cluster = await Cluster.start({ ...experiment.options, ...prepared?.options, seed });
  const end = performance.now() + seconds * 1000;
  for (let round = 0; performance.now() < end; round++) await experiment.strike(cluster, round);
  await experiment.heal?.(cluster);
  if (cluster.alive.length === 0) await cluster.spawn({ clients: 0 });
  let quiesced: number;
  try {
    quiesced = await cluster.quiesce(quiesceMs);
  } catch (error) {
    return { ...base, ...facts(cluster), workflows: 0, quiesced: quiesceMs, verdict: 'stuck', problems: [String(error)] };
  }
  await Promise.all(cluster.alive.map((member) => cluster.end(member)));
  const { violations: own, bounds = [] } = (await experiment.judge?.(cluster)) ?? { violations: [] };
  const { workflows, violations } = await check(cluster);
  const damaged = cluster.server === undefined ? undefined : await cluster.withAdmin(checkIndexes);
  if (damaged !== undefined) cluster.hit('relations seen by amcheck', damaged.checked);
  return {
    ...{ ...base, ...facts(cluster), workflows, quiesced: Math.round(quiesced), bounds },
    ...verdictOf(
      experiment,
      cluster.hits,
      [...violations, ...own, ...(damaged?.violations ?? []), ...violated('I16', 'a process ended that nobody ended', cluster.accidents)],
      bounds,
    ),
  };
}

function verdictOf(
  { mustHit }: Experiment,
  hits: ReadonlyMap<string, number>,
  violations: readonly Violation[],
  bounds: readonly Bound[],
): Pick<RunResult, 'verdict' | 'problems'> {
  const missing = mustHit.filter((fault) => (hits.get(fault) ?? 0) === 0);
  const late = bounds.filter(({ ms, limitMs }) => quantile(ms, 0.99) > limitMs);
  return {
    verdict: violations.length > 0 ? 'broken' : missing.length > 0 ? 'no fault' : late.length > 0 ? 'late' : 'holds',
    problems: [
      ...violations.map(({ invariant, problem, rows }) => `${invariant}: ${problem}: ${rows.map((row) => JSON.stringify(row)).join(' ')}`),
      ...missing.map((fault) => `the fault did not happen: ${fault}`),
      ...late.map(({ what, ms, limitMs }) => `${what}: p99 ${quantile(ms, 0.99)} ms, the limit is ${limitMs} ms`),
    ],
  };
}

function facts(cluster: Cluster): Pick<RunResult, 'hits' | 'takeovers'> {
  return { hits: Object.fromEntries(cluster.hits), takeovers: cluster.takeovers.map(Math.round) };
}
