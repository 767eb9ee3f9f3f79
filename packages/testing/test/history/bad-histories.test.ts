import {
  checkBank,
  checkHistory,
  checkSet,
  compareSteps,
  readStepElement,
  stepElement,
  type CheckOptions,
  type HistoryTransaction,
} from '@apiary/testing/internal';
import { expect } from 'chai';
import { append, committed, during, failed, kinds, read, step, unknown } from './support.js';

interface Case {
  readonly name: string;
  readonly history: readonly HistoryTransaction[];
  readonly options?: CheckOptions;
  readonly named: readonly string[];
}

const element = (workflowId: string, stepId: string, attempt = 1): string => stepElement({ workflowId, stepId, attempt });

/** Each made by hand, and named with this kind and no other. */
const bad: readonly Case[] = [
  {
    name: 'two transactions write two lists in opposite orders',
    history: [
      committed(1, append('x', 1), append('y', 1)),
      committed(2, append('x', 2), append('y', 2)),
      committed(3, read('x', 1, 2)),
      committed(4, read('y', 2, 1)),
    ],
    named: ['G0'],
  },
  {
    name: 'a read shows what a failed transaction appended',
    history: [failed(1, append('x', 1)), committed(2, read('x', 1))],
    named: ['G1a'],
  },
  {
    name: 'a read shows a transaction half done',
    history: [committed(1, append('x', 1), append('x', 2)), committed(2, read('x', 1)), committed(3, read('x', 1, 2))],
    named: ['G-single', 'G1b'],
  },
  {
    name: 'two transactions each read what the other wrote',
    history: [committed(1, append('x', 1), read('y', 1)), committed(2, append('y', 1), read('x', 1))],
    named: ['G1c'],
  },
  {
    name: 'a transaction reads one list before and another after a foreign commit (read skew)',
    history: [committed(1, append('x', 1), append('y', 1)), committed(2, read('x'), read('y', 1)), committed(3, read('x', 1))],
    named: ['G-single'],
  },
  {
    name: 'two transactions read one version and both write (lost update)',
    history: [committed(1, read('x'), append('x', 1)), committed(2, read('x'), append('x', 2)), committed(3, read('x', 1, 2))],
    named: ['G-single'],
  },
  {
    name: 'two transactions read what the other is about to write (write skew)',
    history: [committed(1, read('x'), append('y', 1)), committed(2, read('y'), append('x', 1)), committed(3, read('x', 1), read('y', 1))],
    named: ['G2'],
  },
  {
    name: 'two readers see two independent writes in opposite orders (long fork)',
    history: [committed(1, append('x', 1)), committed(2, append('y', 1)), committed(3, read('x', 1), read('y')), committed(4, read('x'), read('y', 1))],
    named: ['G2'],
  },
  {
    name: 'an acknowledged append is not there in the end',
    history: [committed(1, append('x', 1)), committed(2, append('x', 2))],
    options: { final: new Map([['x', [2]]]) },
    named: ['lost append'],
  },
  {
    name: 'an acknowledged append to a list that is gone altogether',
    history: [committed(1, append('x', 1))],
    options: { final: new Map() },
    named: ['lost append'],
  },
  {
    name: 'an element stands twice',
    history: [committed(1, append('x', 1)), committed(2, append('x', 2)), committed(3, read('x', 1, 2, 1))],
    named: ['duplicated effect'],
  },
  {
    name: 'two attempts of one step both left their effect',
    history: [
      committed(1, append('x', element('w', '3', 1))),
      committed(2, append('x', element('w', '3', 2))),
      committed(3, read('x', element('w', '3', 1), element('w', '3', 2))),
    ],
    named: ['duplicated effect'],
  },
  {
    name: 'two reads of one list of which neither is a beginning of the other',
    history: [committed(1, append('x', 1)), committed(2, append('x', 2)), committed(3, read('x', 1)), committed(4, read('x', 2, 1))],
    named: ['incompatible order'],
  },
  {
    name: 'steps of a workflow stand in the wrong order',
    history: [
      committed(1, append('x', element('w', '10'))),
      committed(2, append('x', element('w', '9'))),
      committed(3, read('x', element('w', '10'), element('w', '9'))),
    ],
    named: ['program order'],
  },
  {
    name: 'a later step of a workflow is seen without the earlier one',
    history: [
      step('w', '0', committed(1, append('x', 1))),
      step('w', '1', committed(2, append('y', 1))),
      committed(3, read('y', 1), read('x')),
      committed(4, read('x', 1)),
    ],
    named: ['G-single'],
  },
  {
    name: 'a transaction does not see what it appended itself',
    history: [committed(1, append('x', 1), read('x'))],
    named: ['internal'],
  },
  {
    name: 'a read shows what nobody appended',
    history: [committed(1, read('x', 7))],
    named: ['unknown element'],
  },
  {
    name: 'a read that began after a commit was acknowledged does not see it',
    history: [during(0, 1, committed(1, append('x', 1))), during(2, 3, committed(2, read('x'))), during(4, 5, committed(3, read('x', 1)))],
    options: { realTime: true },
    named: ['G-single'],
  },
];

const good: readonly Case[] = [
  {
    name: 'one after the other',
    history: [
      committed(1, append('x', 1), append('x', 2)),
      committed(2, read('x', 1, 2), append('x', 3), read('x', 1, 2, 3)),
      committed(3, read('x', 1, 2, 3)),
    ],
    named: [],
  },
  {
    name: 'an append whose COMMIT was not answered, and which took effect',
    history: [unknown(1, append('x', 1)), committed(2, read('x', 1))],
    options: { final: new Map([['x', [1]]]) },
    named: [],
  },
  {
    name: 'an append whose COMMIT was not answered, and which did not',
    history: [unknown(1, append('x', 1)), committed(2, read('x'))],
    options: { final: new Map() },
    named: [],
  },
  {
    name: 'a failed transaction of which nothing is left',
    history: [failed(1, append('x', 1), read('x', 9)), committed(2, append('x', 2), read('x', 2))],
    options: { final: new Map([['x', [2]]]) },
    named: [],
  },
  {
    name: 'a value that a failed try and its repetition share',
    history: [failed(1, append('x', 1)), committed(2, append('x', 1)), committed(3, read('x', 1))],
    options: { final: new Map([['x', [1]]]) },
    named: [],
  },
  {
    name: 'a stale read, as long as nobody asks for real time',
    history: [during(0, 1, committed(1, append('x', 1))), during(2, 3, committed(2, read('x'))), during(4, 5, committed(3, read('x', 1)))],
    named: [],
  },
  {
    name: 'overlapping transactions in either order',
    history: [during(0, 5, committed(1, append('x', 1))), during(1, 6, committed(2, read('x'))), during(2, 7, committed(3, read('x', 1)))],
    options: { realTime: true },
    named: [],
  },
  {
    name: 'branches of one parallel in any order',
    history: [
      committed(1, append('x', element('w', '4/1/0'))),
      committed(2, append('x', element('w', '4/0/3'))),
      committed(3, read('x', element('w', '4/1/0'), element('w', '4/0/3'))),
    ],
    named: [],
  },
];

describe('the history checker', () => {
  describe('names each of the bad histories rightly', () => {
    for (const { name, history, options, named } of bad) {
      it(`${named.join(', ')}: ${name}`, () => {
        const found = checkHistory(history, options);
        expect(kinds(found), found.map(({ kind, detail }) => `${kind}: ${detail}`).join('\n')).to.deep.equal(named);
      });
    }
  });

  describe('finds nothing in a good history', () => {
    for (const { name, history, options } of good) {
      it(name, () => expect(checkHistory(history, options)).to.deep.equal([]));
    }
  });

  it('shows a shortest cycle, in words and as edges', () => {
    const [found] = checkHistory([committed(1, read('x'), append('y', 1)), committed(2, read('y'), append('x', 1)), committed(3, read('x', 1), read('y', 1))]);
    expect(found?.detail).to.equal('1 -rw(x)-> 2 -rw(y)-> 1');
    expect(found?.cycle).to.deep.equal([
      { from: 1, to: 2, kind: 'rw', key: 'x' },
      { from: 2, to: 1, kind: 'rw', key: 'y' },
    ]);
  });

  it('says when only the order in time makes a cycle', () => {
    const stale = bad.find(({ options }) => options?.realTime === true);
    expect(checkHistory(stale?.history ?? [], { realTime: true }))
      .to.have.length(1)
      .and.to.have.nested.property('[0].realTime', true);
    const skew = bad.find(({ name }) => name.includes('read skew'));
    expect(checkHistory(skew?.history ?? [], { realTime: true })[0]).to.not.have.property('realTime');
  });

  it('names the gravest class of a component that holds several', () => {
    const g0 = bad[0]?.history ?? [];
    const skew: readonly HistoryTransaction[] = [
      committed(11, read('x', 1, 2), read('z'), append('y', 3)),
      committed(12, read('y', 2, 1), append('z', 1)),
      committed(13, read('y', 2, 1, 3), read('z', 1)),
    ];
    expect(kinds(checkHistory([...g0, ...skew]))).to.deep.equal(['G0', 'G2']);
  });

  it('copes with a long history', () => {
    const history = Array.from({ length: 20_000 }, (_, i) => committed(i, read('x', ...(i === 0 ? [] : [])), append(`k${i % 50}`, i)));
    const lists = new Map(Array.from({ length: 50 }, (_, key) => [`k${key}`, history.filter(({ id }) => Number(id) % 50 === key).map(({ id }) => id)]));
    expect(checkHistory(history, { final: lists })).to.deep.equal([]);
  });

  it('reads the element of a step, and knows the order of steps', () => {
    const source = { workflowId: 'order#17', stepId: '4/1/0', attempt: 2 };
    expect(readStepElement(stepElement(source))).to.deep.equal(source);
    expect(readStepElement(5)).to.equal(undefined);
    expect(readStepElement('plain')).to.equal(undefined);
    expect([compareSteps('2', '10') < 0, compareSteps('4/1/0', '4/1/2') < 0, compareSteps('4/0/5', '4/1/0'), compareSteps('5', '4/1/0') > 0]).to.deep.equal([
      true,
      true,
      0,
      true,
    ]);
  });
});

describe('the set check', () => {
  const add = (value: number, begin: number, end: number, status: 'ok' | 'fail' | 'unknown' = 'ok'): Parameters<typeof checkSet>[0][number] => ({
    value,
    status,
    begin,
    end,
  });
  const look = (begin: number, ...values: number[]): Parameters<typeof checkSet>[1][number] => ({ values, begin, end: begin + 0.5 });

  it('is content when each acknowledged element is in all later reads', () => {
    expect(
      checkSet([add(1, 0, 1), add(2, 1, 5), add(3, 2, 3, 'unknown'), add(4, 2, 3, 'fail')], [look(0.5), look(2, 1), look(4, 1, 2, 3), look(6, 1, 2)]),
    ).to.deep.equal([]);
  });

  it('names what is lost, stale, twice, refused and never added', () => {
    expect(kinds(checkSet([add(1, 0, 1)], [look(2)]))).to.deep.equal(['lost append']);
    expect(kinds(checkSet([add(1, 0, 1)], [look(2), look(3, 1)]))).to.deep.equal(['stale read']);
    expect(kinds(checkSet([add(1, 0, 1)], [look(2, 1, 1)]))).to.deep.equal(['duplicated effect']);
    expect(kinds(checkSet([add(1, 0, 1, 'fail')], [look(2, 1)]))).to.deep.equal(['G1a']);
    expect(kinds(checkSet([], [look(2, 9)]))).to.deep.equal(['unknown element']);
  });
});

describe('the bank check', () => {
  it('adds up each read', () => {
    const balances = (...all: number[]): ReadonlyMap<number, number> => new Map(all.map((balance, i) => [i, balance]));
    expect(checkBank([{ id: 1, balances: balances(5, 5) }], { total: 10 })).to.deep.equal([]);
    expect(checkBank([{ id: 1, balances: balances(5, 4) }], { total: 10 })[0]?.detail).to.equal('read 1 adds up to 9 instead of 10');
    expect(checkBank([{ id: 1, balances: balances(11, -1) }], { total: 10 })).to.have.length(1);
    expect(checkBank([{ id: 1, balances: balances(11, -1) }], { total: 10, overdraft: true })).to.deep.equal([]);
  });
});
