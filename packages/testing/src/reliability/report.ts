import type { Experiment } from './experiment.js';
import { quantile } from './quantile.js';
import type { RunResult } from './run-once.js';

/** What tells of something that was done twice. */
const twice = /^I2: a step has postings of more than one|^I8: a communicator was called after its record|^I8: two steps had the same/;

/** The table for the documentation: in how many runs something was lost (or wrong in any other way), doubled, or stuck. */
export function tableOf(experiments: readonly Experiment[], results: readonly RunResult[]): string {
  const lines = experiments.flatMap(({ name, fault, runs }) => {
    const own = results.filter((result) => result.experiment === name);
    if (own.length === 0) return [`| ${name} | ${fault} | 0 of ${runs} | | | | | | |`];
    const hits = new Map<string, number>();
    for (const result of own) for (const [kind, times] of Object.entries(result.hits)) hits.set(kind, (hits.get(kind) ?? 0) + times);
    const workflows = own.reduce((sum, result) => sum + result.workflows, 0);
    const count = (verdict: RunResult['verdict']): number => own.filter((result) => result.verdict === verdict).length;
    const notRun = own.find(({ verdict }) => verdict === 'not run');
    if (notRun !== undefined) return [`| ${name} | ${fault} | not run: ${notRun.problems.join('; ')} | | | | | | |`];
    const bound = boundOf(own);
    const told = (verdict: 'no fault' | 'late', words: string): string => (count(verdict) === 0 ? '' : `, ${count(verdict)} ${words}`);
    const tried = `${own.length} of ${runs}${told('no fault', 'without the fault')}`;
    const faults = [...hits].map(([kind, times]) => `${times} ${kind}`).join(', ');
    const broken = own.filter(({ verdict }) => verdict === 'broken').map(({ problems }) => ({ all: problems, doubled: problems.filter((p) => twice.test(p)) }));
    const lost = broken.filter(({ all, doubled }) => all.length > doubled.length).length;
    const doubled = broken.filter((run) => run.doubled.length > 0).length;
    return [`| ${name} | ${fault} | ${tried} | ${workflows} | ${faults} | ${lost} | ${doubled} | ${count('stuck')} | ${bound}${told('late', 'runs late')} |`];
  });
  return [
    '| experiment | fault | runs | workflows | faults that happened | lost | doubled | stuck | bound |',
    '|---|---|---|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}

function boundOf(own: readonly RunResult[]): string {
  const takeovers = own.flatMap((result) => result.takeovers);
  if (takeovers.length > 0) return `takeover ${spread(takeovers)}`;
  const bounds = own.flatMap((result) => result.bounds ?? []);
  const ms = bounds.flatMap((bound) => bound.ms);
  if (ms.length > 0) return `${bounds[0]?.what}: ${spread(ms)}`;
  const quiesced = Math.max(...own.map((result) => result.quiesced));
  return quiesced === 0 ? '' : `at rest after ${quiesced} ms at most`;
}

const spread = (ms: readonly number[]): string => `p50 ${quantile(ms, 0.5)} ms, p99 ${quantile(ms, 0.99)} ms`;
