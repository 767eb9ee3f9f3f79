import { idempotencyKey } from '@apiary/core';
import { exploreInterleavings, mock, scenario, type Scenario, type TestApp } from '@apiary/testing';
import { explore, runSchedule, type Decision } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Bank, tables } from './support/bank.js';
import { failure } from './support/failure.js';

const accounts = (app: TestApp): Promise<unknown> =>
  app.knex('account').insert([
    { id: 'ada', balance: 10 },
    { id: 'cash', balance: 0 },
  ]);
const balances = (app: TestApp): Promise<unknown> => app.knex('account').orderBy('id').pluck('balance');

/** Two want six of ten: one gets it. */
function withdrawals(method: 'withdraw' | 'withdrawInTwo'): Scenario {
  const told = new Set<string>();
  return scenario({
    services: [Bank],
    migrations: tables,
    mocks: [mock(Bank).tell((what) => (told.add(`${idempotencyKey()} ${what}`), 'heard'))],
    arrange: (app) => (told.clear(), accounts(app)),
    act: (app) => Promise.all(['w1', 'w2'].map((workflowId) => app.start(Bank, { workflowId })[method]('ada', 6).result())),
    assert: async (app) => {
      expect(await balances(app)).to.deep.equal([4, 6]);
      if (method === 'withdraw') expect([...told].map((line) => line.split(' ')[1]).sort()).to.deep.equal(['refused', 'taken']);
    },
  });
}

/** The first executor announces something once, the second waits for it. */
function announcement(knowsKeys: boolean): Scenario {
  const heard: string[] = [];
  let announcer: TestApp | undefined;
  return scenario({
    services: [Bank],
    migrations: tables,
    mocks: [
      mock(Bank).tell(async () => {
        if (!knowsKeys || !heard.includes(idempotencyKey())) heard.push(idempotencyKey());
        await new Promise((resolve) => setTimeout(resolve, 30));
        return 'heard';
      }),
    ],
    arrange: (app) => {
      heard.length = 0;
      announcer = app;
      return accounts(app);
    },
    act: (app) => (app === announcer ? app.start(Bank, { workflowId: 'w' }).announce('hello').result() : app.handle('w').result()),
    assert: async (app) => {
      expect(await balances(app)).to.deep.equal([9, 0]);
      expect(heard).to.have.length(1);
    },
  });
}

const pause: Decision = { kind: 'pause', executor: 1, write: 3 };
const kinds: readonly { readonly name: string; readonly of: () => Scenario; readonly list: readonly Decision[] }[] = [
  {
    name: 'refused commits',
    of: () => withdrawals('withdraw'),
    list: [
      { kind: 'conflict', row: 1, state: '40001' },
      { kind: 'conflict', row: 3, state: '40P01' },
    ],
  },
  {
    name: 'lost connections',
    of: () => withdrawals('withdraw'),
    list: (['before', 'within', 'after'] as const).map((at, i): Decision => ({ kind: 'cut', executor: 1, write: i + 1, at })),
  },
  {
    name: 'lost answers',
    of: () => withdrawals('withdraw'),
    list: [
      { kind: 'lost answer', executor: 1, write: 2 },
      { kind: 'lost answer', executor: 2, write: 3 },
    ],
  },
  {
    name: 'late writes and answers',
    of: () => withdrawals('withdraw'),
    list: [
      { kind: 'late write', executor: 1, write: 2, behind: 3 },
      { kind: 'late answer', executor: 2, write: 2, behind: 3 },
    ],
  },
  { name: 'an executor that stands still and goes on', of: () => announcement(true), list: [pause] },
  ...(['late', 'repeated', 'lost'] as const).map((how) => ({
    name: `${how} notifications`,
    of: () => announcement(true),
    list: [{ kind: 'notifications', how, executor: 2 } as const],
  })),
];

describe('exploreInterleavings', function () {
  this.timeout(120_000);

  for (const { name, of, list } of kinds) {
    it(`finds nothing in a right scenario with ${name}, which happen`, async () => {
      const { faults, problems } = await runSchedule(of(), list);
      expect(problems).to.deep.equal([]);
      expect(faults.filter(({ happened }) => !happened)).to.deep.equal([]);
      expect(faults).to.have.length(list.length);
    });
  }

  it('draws the same faults from the same seed, others from another one', async () => {
    const drawn = async (seeds: readonly number[]) => (await explore(withdrawals('withdraw'), { seeds })).map(({ faults }) => faults.map(({ words }) => words));
    const first = await drawn([1, 2]);
    expect(await drawn([1, 2])).to.deep.equal(first);
    expect(first[0]).to.not.deep.equal(first[1]);
  });

  it('takes a number of seeds and of executors', async () => {
    expect(await exploreInterleavings(withdrawals('withdraw'), { seeds: 3, executors: 3 })).to.deep.equal({ seeds: 3 });
    expect(await failure(exploreInterleavings(withdrawals('withdraw'), { seeds: [] }))).to.include('seeds');
    expect(await failure(exploreInterleavings(withdrawals('withdraw'), { executors: 0 }))).to.include('executors');
  });

  it('tells what goes wrong before the work begins', async () => {
    const arrange = (): Promise<unknown> => Promise.reject(new Error('no accounts'));
    const broken = scenario({ services: [Bank], migrations: tables, arrange, act: async () => {}, assert: async () => {} });
    expect(await failure(exploreInterleavings(broken))).to.include('no accounts');
  });

  it('finds a check and an act in two transactions, and its seed finds them again', async () => {
    const message = await failure(exploreInterleavings(withdrawals('withdrawInTwo')));
    expect(message).to.match(/^the scenario is wrong when 2 executors do it at once: seed \d+, \d faults shrunk to \d in \d+ runs:\n/);
    expect(message).to.include('expected [ -2, 12 ] to deeply equal [ 4, 6 ]');
    const seed = Number(/\{ seeds: \[(\d+)\] \}/.exec(message)?.[1]);
    const again = await failure(exploreInterleavings(withdrawals('withdrawInTwo'), { seeds: [seed] }));
    expect(again).to.include(`seed ${seed}, `).and.to.include('expected [ -2, 12 ] to deeply equal [ 4, 6 ]');
  });

  it('finds what is done again when an executor stood still, and names what has to happen', async () => {
    const { problems, faults } = await runSchedule(announcement(false), [pause]);
    expect(problems.join()).to.include('to have a length of 1 but got 2');
    expect(faults.map(({ words, happened }) => [words, happened])).to.deep.equal([
      ['executor 1 stands still at its write 3, until another one has taken its work over', true],
    ]);
  });

  it('finds an effect without a record', async () => {
    const { problems } = await runSchedule(
      scenario({
        services: [Bank],
        migrations: tables,
        mocks: [mock(Bank).tell(async () => Bank.behindTheBack())],
        arrange: (app) => (Bank.use(app.connectionString), accounts(app)),
        act: (app) => app.start(Bank, { workflowId: 'w' }).announce('hello').result(),
        assert: async () => {},
      }),
      [],
    );
    expect(problems).to.have.length(1);
    expect(problems[0]).to.match(/^an effect without a record: UPDATE of account, by transaction \d+$/);
  });
});
