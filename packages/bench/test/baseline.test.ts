import { expect } from 'chai';
import { type Baseline, compare } from '#bench/baseline.js';

const cost = { statements: 5, serverStatements: 5, roundTrips: 3, commits: 1, wal: 700 };
const of = (change: Partial<typeof cost>, server = 18): Baseline => ({ server, costs: { 'tx1 apiary': { ...cost, ...change } } });

describe('the baseline of operation costs', () => {
  it('accepts the same costs, what idling adds, and savings', () => {
    expect(compare(of({}), of({}))).to.deep.equal([]);
    expect(compare(of({}), of({ statements: 5.04, wal: 730 }))).to.deep.equal([]);
    expect(compare(of({}), of({ statements: 4, wal: 300 }))).to.deep.equal([]);
  });

  for (const [key, value] of Object.entries({ statements: 5.1, roundTrips: 4, commits: 2, wal: 736 })) {
    it(`reports growth of ${key}`, () => {
      expect(compare(of({}), of({ [key]: value }))).to.have.lengthOf(1);
    });
  }

  it('reports a count that could not be taken', () => {
    expect(compare(of({}), of({ statements: Number.NaN }))).to.have.lengthOf(1);
  });

  it('does not compare bytes of log between major versions', () => {
    expect(compare(of({}), of({ wal: 5000 }, 17))).to.deep.equal([]);
  });

  it('reports operations that are on one side only', () => {
    expect(compare(of({}), { server: 18, costs: {} })).to.have.lengthOf(1);
    expect(compare({ server: 18, costs: {} }, of({}))).to.have.lengthOf(1);
  });
});
