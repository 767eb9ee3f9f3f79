import { expect } from 'chai';
import { type Baseline, compare } from '#bench/baseline.js';

const cost = { statements: 5, serverStatements: 5, roundTrips: 3, commits: 1, wal: 700 };
const baseline: Baseline = { server: 18, costs: { 'tx1 apiary': cost } };
const problems = (change: Partial<typeof cost>, seconds = 0.001, server = 18): string[] =>
  compare(baseline, server, { 'tx1 apiary': { ...cost, ...change, seconds } });

describe('the baseline of operation costs', () => {
  it('accepts the same costs and savings', () => {
    expect(problems({})).to.deep.equal([]);
    expect(problems({ statements: 5.04, wal: 730 })).to.deep.equal([]);
    expect(problems({ statements: 4, wal: 300 })).to.deep.equal([]);
  });

  for (const [key, value] of Object.entries({ statements: 5.1, roundTrips: 4, commits: 2, wal: 745 })) {
    it(`reports growth of ${key}`, () => {
      expect(problems({ [key]: value })).to.have.lengthOf(1);
    });
  }

  it('accepts what idle engines add to a slow operation, and no more', () => {
    expect(problems({ statements: 5.2 }, 0.1)).to.deep.equal([]);
    expect(problems({ statements: 5.3 }, 0.1)).to.have.lengthOf(1);
  });

  it('reports a count that could not be taken', () => {
    expect(problems({ statements: Number.NaN })).to.have.lengthOf(1);
  });

  it('does not compare bytes of log between major versions', () => {
    expect(problems({ wal: 5000 }, 0.001, 17)).to.deep.equal([]);
  });

  it('reports operations that are on one side only', () => {
    expect(compare(baseline, 18, {})).to.have.lengthOf(1);
    expect(compare({ server: 18, costs: {} }, 18, { 'tx1 apiary': { ...cost, seconds: 0 } })).to.have.lengthOf(1);
  });
});
