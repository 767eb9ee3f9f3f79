import type { Measurement } from '../coordinator/measurement.js';
import { bytes, count, latency, ratio, throughput } from './format.js';

const HEADER = [
  'workload',
  'clients',
  'engine',
  'op/s',
  'ratio',
  'range',
  'p50 ms',
  'p99 ms',
  'stmts',
  'trips',
  'commits',
  'WAL B',
  'node us',
  'pg us',
  'peak MB',
];

/** One row a measurement, as text; all but the first three columns are numbers. */
export function rows(measurements: readonly Measurement[]): string[][] {
  return measurements.map((one) => [
    one.workload,
    String(one.clients),
    one.engine,
    throughput(one.throughput),
    ratio(one.ratio),
    `${ratio(one.ratioRange[0])}-${ratio(one.ratioRange[1])}`,
    latency(one.p50),
    latency(one.p99),
    count(one.cost.statements),
    count(one.cost.roundTrips),
    count(one.cost.commits),
    one.cost.wal.toFixed(0),
    one.nodeCpu.toFixed(0),
    one.serverCpu === null ? 'n/a' : one.serverCpu.toFixed(0),
    bytes(one.peakMemory),
  ]);
}

/** For a terminal. */
export function textTable(measurements: readonly Measurement[]): string {
  const all = [HEADER, ...rows(measurements)];
  const widths = HEADER.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) => row.map((cell, column) => (column === 0 || column === 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '))
    .join('\n');
}

export function markdownTable(measurements: readonly Measurement[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = HEADER.map((_, column) => (column === 0 || column === 2 ? '---' : '---:'));
  return [HEADER, rule, ...rows(measurements)].map(line).join('\n');
}
