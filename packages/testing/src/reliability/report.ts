import type { Experiment } from './experiments.js';
import type { RunResult } from './run-once.js';

/** The table for the documentation. */
export function tableOf(experiments: readonly Experiment[], results: readonly RunResult[]): string {
  const lines = experiments.flatMap(({ name, fault, runs }) => {
    const own = results.filter((result) => result.experiment === name);
    if (own.length === 0) return [`| ${name} | ${fault} | 0 of ${runs} | | | | | |`];
    const hits = new Map<string, number>();
    for (const result of own) for (const [kind, times] of Object.entries(result.hits)) hits.set(kind, (hits.get(kind) ?? 0) + times);
    const workflows = own.reduce((sum, result) => sum + result.workflows, 0);
    const count = (verdict: RunResult['verdict']): number => own.filter((result) => result.verdict === verdict).length;
    const takeovers = own.flatMap((result) => result.takeovers).sort((a, b) => a - b);
    const bound =
      takeovers.length > 0
        ? `takeover p50 ${quantile(takeovers, 0.5)} ms, p99 ${quantile(takeovers, 0.99)} ms`
        : `at rest after ${Math.max(...own.map((result) => result.quiesced))} ms at most`;
    const faults = [...hits].map(([kind, times]) => `${times} ${kind}`).join(', ');
    return [`| ${name} | ${fault} | ${own.length} of ${runs} | ${workflows} | ${faults} | ${count('broken')} | ${count('stuck')} | ${bound} |`];
  });
  return [
    '| experiment | fault | runs | workflows | faults that happened | runs with something lost or doubled | stuck | bound |',
    '|---|---|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n');
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
