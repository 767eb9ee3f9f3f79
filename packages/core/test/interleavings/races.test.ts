/** Two executors that run one new workflow, and one that races with itself. */
import { Communicator, Service, Transaction, Workflow, sql, start } from '@apiary/core';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, Trace } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
let entered = 0;

@Service()
class Steps {
  @Transaction()
  async once(): Promise<number> {
    const turn = ++entered;
    await gates.at(`entered ${turn}`);
    await note('once');
    await gates.at(`noted ${turn}`);
    return turn;
  }
  @Transaction({ readOnly: true })
  async look(): Promise<number> {
    const { n } = await sql<{ n: number }>`select n from spot where id = 'price'`.one();
    return n;
  }
  @Communicator()
  async order(price: number): Promise<string> {
    return `ordered at ${price}`;
  }
  @Transaction()
  async left(): Promise<string> {
    await note('left');
    await sql`update spot set n = n + 1 where id = 'a'`;
    await gates.at('left');
    await sql`update spot set n = n + 1 where id = 'b'`;
    return 'left';
  }
  @Transaction({ isolation: 'read committed' })
  async right(): Promise<string> {
    await note('right');
    await sql`update spot set n = n + 1 where id = 'b'`;
    return 'right';
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async once(): Promise<number> {
    return this.steps.once();
  }
  @Workflow()
  async branches(): Promise<string> {
    const turn = ++entered;
    const price = await this.steps.look();
    await gates.at(`looked ${turn}`);
    if (price < 100) return this.steps.order(price);
    return (await start(Flows).nothing()).workflowId;
  }
  @Workflow()
  async nothing(): Promise<void> {}
  @Workflow()
  async both(): Promise<string[]> {
    return Promise.all([this.steps.left(), this.steps.right()]);
  }
}

for (const isolation of ['serializable', 'repeatable read', 'read committed'] as const) {
  for (const snapshot of ['before', 'after'] as const) {
    it(`INTERLEAVING 1: at ${isolation}, a loser whose snapshot was taken ${snapshot} the winner's commit leaves no effect`, async () => {
      const trace = new Trace();
      await using engine = await Engine.start({ services: [Flows], isolation }, { internals: { probe: trace.probe } });
      const other = await engine.another({}, { probe: trace.probe });
      gates.reset();
      entered = 0;
      gates.close(snapshot === 'before' ? 'noted 1' : 'entered 1', 'noted 2');
      const first = engine.app.start(Flows, { workflowId: 'w' }).once().result();
      await gates.reached(snapshot === 'before' ? 'noted 1' : 'entered 1');
      const second = other.start(Flows, { workflowId: 'w' }).once().result();
      await gates.reached('noted 2');
      gates.open('noted 2');
      expect(await second).equal(2);
      gates.open('noted 1', 'entered 1');
      expect(await first, 'the loser tells the outcome of the winner').equal(2);
      expect(await engine.ledger()).deep.equal(['once']);
      expect(trace.of('run:void').length, 'the loser was found void').equal(1);
      await engine.expectEffectsRecorded();
    });
  }
}

it('INTERLEAVING 5: two live runs that read different values never mix their histories', async () => {
  const trace = new Trace();
  await using engine = await Engine.start({ services: [Flows] }, { internals: { probe: trace.probe } });
  const other = await engine.another({}, { probe: trace.probe });
  gates.reset();
  entered = 0;
  await engine.admin.query(`insert into spot values ('price', 100)`);
  gates.close('looked 1', 'looked 2');
  const first = engine.app.start(Flows, { workflowId: 'w' }).branches().result();
  await gates.reached('looked 1');
  await engine.admin.query(`update spot set n = 90`);
  const second = other.start(Flows, { workflowId: 'w' }).branches().result();
  await gates.reached('looked 2');
  gates.open('looked 2');
  expect(await second).equal('ordered at 90');
  gates.open('looked 1');
  expect(await first).equal('ordered at 90');
  expect((await engine.records('w')).map((r) => [r.name, r.output])).deep.equal([
    ['Steps.look', '90'],
    ['Steps.order', '"ordered at 90"'],
  ]);
  expect(await engine.row('w-1'), 'the child of the loser does not exist').equal(undefined);
  expect(trace.of('run:void').length).equal(1);
});

describe('a workflow that races with itself', () => {
  let engine: Engine;
  const trace = new Trace();
  before(async () => {
    engine = await Engine.start({ services: [Flows], isolation: 'read committed' }, { internals: { probe: trace.probe } });
  });
  after(() => engine.close());
  beforeEach(async () => {
    gates.reset();
    trace.clear();
    await engine.clear();
    await engine.admin.query(`insert into spot values ('a', 0), ('b', 0)`);
  });

  it('INTERLEAVING 4a: the sibling that commits first does so with the start row durable before', async () => {
    gates.close('left');
    const running = engine.app.start(Flows, { workflowId: 'a' }).both().result();
    await gates.reached('left');
    await until('the right one has committed', async () => (await engine.ledger()).includes('right'));
    expect((await engine.row('a'))?.status, 'whoever finds the effect finds its workflow').equal('PENDING');
    expect((await engine.records('a')).map((r) => r.name)).deep.equal(['Steps.right']);
    gates.open('left');
    expect(await running).deep.equal(['left', 'right']);
    await engine.expectEffectsRecorded();
  });

  it('INTERLEAVING 4b: siblings never carry the same row, so none loses to itself', async () => {
    const results = await Promise.all(Array.from({ length: 20 }, () => engine.app.get(Flows).both()));
    expect(results).length(20);
    expect(trace.of('run:void')).deep.equal([]);
    expect((await engine.ledger()).sort()).deep.equal([...Array<string>(20).fill('left'), ...Array<string>(20).fill('right')]);
  });

  it('INTERLEAVING 4c: a sibling waits before its BEGIN, so it never holds a lock that the other needs', async () => {
    gates.close('left');
    const running = engine.app.start(Flows, { workflowId: 'c' }).both().result();
    await gates.reached('left');
    await until('the right one has committed, though the left one is open', async () => (await engine.ledger('c')).includes('right'));
    gates.open('left');
    expect(await running).deep.equal(['left', 'right']);
    expect((await engine.admin.query(`select n from spot order by id`)).rows).deep.equal([{ n: 1 }, { n: 2 }]);
  });
});
