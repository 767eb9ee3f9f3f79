import { expect } from 'chai';
import type { Measurement } from '#bench/coordinator/measurement.js';
import { chart } from '#bench/report/chart.js';
import { markdownTable, textTable } from '#bench/report/table.js';

const measurement = (engine: string, ratio: number): Measurement => ({
  workload: 'tx1',
  clients: 16,
  engine,
  throughput: 1000 * ratio,
  p50: 1,
  p99: 2,
  ratio,
  ratioRange: [ratio, ratio],
  cost: { statements: 5, serverStatements: null, roundTrips: 5, commits: null, wal: 600, seconds: 0.001 },
  nodeCpu: 100,
  serverCpu: null,
  peakMemory: 2 ** 26,
  slices: [1000 * ratio],
});
const measurements = [measurement('raw', 1), measurement('a<b', 2)];

describe('the report', () => {
  it('draws a bar for each engine but the yardstick, as long as its ratio', () => {
    const svg = chart([...measurements, measurement('c', 1)], 'raw');
    const widths = [...svg.matchAll(/<rect x="190\.0" y="\d+" width="([\d.]+)" height="13"/g)].map((match) => Number(match[1]));
    expect(widths).to.have.lengthOf(2);
    expect(widths[0]).to.be.closeTo(2 * (widths[1] ?? 0), 0.2);
  });

  it('escapes names in the picture', () => {
    expect(chart(measurements, 'raw')).to.include('a&lt;b').and.not.include('a<b');
  });

  it('says n/a for what was not measured', () => {
    expect(textTable(measurements)).to.match(/a<b .* n\/a +600 +100 +n\/a +64$/m);
    expect(markdownTable(measurements).split('\n')).to.have.lengthOf(4);
  });
});
