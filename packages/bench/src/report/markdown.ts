import type { BenchResult } from '../coordinator/measurement.js';
import { WORKLOADS } from '../workloads/workload.js';
import { markdownTable } from './table.js';

/** The page of a run; `chart` is the file name of its picture. */
export function markdown(result: BenchResult, chart: string | undefined): string {
  const used = WORKLOADS.filter((workload) => result.measurements.some((one) => one.workload === workload.name));
  return `# Benchmark results

Made by \`${result.command}\` on ${result.date.slice(0, 10)}; how to run it, what is compared and what is not fair: [packages/bench](../packages/bench/README.md).
${chart ? `\n![Throughput as a multiple of ${result.yardstick}](${chart})\n` : ''}
## Machine

${result.machine.map(([what, value]) => `- ${what}: ${value}`).join('\n')}

## Workloads

${used.map((workload) => `- **${workload.name}**: ${workload.text}`).join('\n')}

## Numbers

Ratios are medians of the ratios of neighbouring slices to \`${result.yardstick}\`, with the smallest and the largest; throughput and latencies are medians of slices. Statements,
round trips (writes to a socket), commits (that reached the disk) and bytes of write-ahead log (without full-page images) are counted in a run of their own, an operation;
CPU time of Node and of PostgreSQL is in microseconds an operation.

${markdownTable(result.measurements)}
`;
}
