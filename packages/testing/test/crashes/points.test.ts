import { differences, endOfStatement, nameOf, pointsOf, sameTrace, type CanonicalState, type NumberedFlight } from '@apiary/testing/internal';
import { expect } from 'chai';

const flight = (number: number, ...statements: string[]): NumberedFlight => ({ number, connection: 'user', statements });
const state = (lines: string[], violations: string[] = []): CanonicalState => ({ lines, violations });

/** A message of the protocol: its letter, its length, its body. */
function message(letter: string, body: string): Buffer {
  const bytes = Buffer.alloc(5 + body.length);
  bytes.write(letter, 0);
  bytes.writeInt32BE(4 + body.length, 1);
  bytes.write(body, 5);
  return bytes;
}

describe('crash points', () => {
  const trace = [flight(1, 'begin', 'select 1'), flight(2, 'commit')];

  it('are before, after, and at the answer of each write', () => {
    expect(pointsOf(trace, 'write').map(nameOf)).to.deep.equal(['1 before', '1 written', '1 answered', '2 before', '2 written', '2 answered']);
  });

  it('are also after each statement within a write', () => {
    expect(pointsOf(trace, 'statement').map(nameOf)).to.deep.equal([
      '1 before',
      '1 within 1',
      '1 within 2',
      '1 written',
      '1 answered',
      '2 before',
      '2 within 1',
      '2 written',
      '2 answered',
    ]);
  });

  it('lie behind the message that executes the statement', () => {
    const bytes = Buffer.concat([message('P', 'EEEE'), message('E', 'x'), message('B', ''), message('E', 'yy'), message('S', '')]);
    expect(endOfStatement(bytes, 1)).to.equal(9 + 6);
    expect(endOfStatement(bytes, 2)).to.equal(bytes.length - 5);
    expect(endOfStatement(bytes, 3)).to.equal(undefined);
  });

  it('lie behind the rows of a COPY', () => {
    const copy = Buffer.concat([message('B', ''), message('E', 'x'), message('d', 'rows'), message('c', '')]);
    const bytes = Buffer.concat([copy, message('B', ''), message('E', 'yy'), message('S', '')]);
    expect(endOfStatement(bytes, 1)).to.equal(copy.length);
    expect(endOfStatement(bytes, 2)).to.equal(bytes.length - 5);
  });

  it('are the same in two runs that write the same, in the same order unless that is left open', () => {
    const turned = [flight(1, 'commit'), flight(2, 'begin', 'select 1')];
    expect(sameTrace(trace, trace, true)).to.equal(true);
    expect(sameTrace(trace, turned, true)).to.equal(false);
    expect(sameTrace(trace, turned, false)).to.equal(true);
    expect(sameTrace(trace, [...turned, flight(3, 'select 2')], false)).to.equal(false);
  });
});

describe('two states', () => {
  it('differ in a row that is there twice', () => {
    expect(differences(state(['a', 'b']), state(['a', 'a', 'b']))).to.deep.equal(['extra: a']);
  });

  it('differ in a row that is not there, and in what must not be', () => {
    expect(differences(state(['a', 'b']), state(['a', 'c'], ['w is left PENDING']))).to.deep.equal(['missing: b', 'extra: c', 'w is left PENDING']);
  });

  it('are equal in any order', () => {
    expect(differences(state(['a', 'b']), state(['b', 'a']))).to.deep.equal([]);
  });
});
