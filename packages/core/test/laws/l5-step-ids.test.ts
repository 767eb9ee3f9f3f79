import { Communicator, Procedure, Service, Transaction, Workflow, now, random, sleep, sql, start, workflowId } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { crash } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note } from '../support/engine.js';
import { FailingCommits } from '../support/failing-commits.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
/** What a changed body does; a test sets it between the first run and the replay. */
let change:
  | 'none'
  | 'other function'
  | 'other input'
  | 'now for random'
  | 'a call too many, whose error the body swallows'
  | 'a call too many, and nothing after it'
  | 'a new call at the end' = 'none';

@Service()
class Steps {
  @Transaction()
  async write(label: string): Promise<string> {
    await gates.at('write');
    await note(label);
    return label;
  }
  @Transaction({ readOnly: true })
  async read(label: string): Promise<string> {
    await sql`select 1`;
    return label;
  }
  @Procedure()
  fly(label: string) {
    return sql<{ step: string }>`insert into ledger (workflow_id, step) values (${workflowId()}, ${label}) returning step`.one();
  }
  @Communicator()
  async call(label: string): Promise<string> {
    return label;
  }
  @Transaction()
  async refuses(label: string): Promise<never> {
    throw new RangeError(label);
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  /** Every kind of call, k times. */
  @Workflow()
  async all(k: number): Promise<string[]> {
    const out: string[] = [];
    for (let i = 0; i < k; i++) {
      out.push(await this.steps.write(`w${i}`), await this.steps.read(`r${i}`), (await this.steps.fly(`f${i}`)).step, await this.steps.call(`c${i}`));
      now();
      random();
      await sleep(1);
      await this.steps.refuses(`e${i}`).catch((error: Error) => out.push(error.message));
      out.push(...(await Promise.all([this.steps.write(`a${i}`), this.steps.write(`b${i}`), this.steps.call(`p${i}`)])));
      out.push(await this.leaf(`l${i}`));
      out.push(await (await start(Flows).leaf(`s${i}`)).result());
    }
    return out;
  }
  @Workflow()
  async leaf(label: string): Promise<string> {
    return this.steps.write(label);
  }
  @Workflow()
  async nest(depth: number): Promise<string[]> {
    const mine = await this.steps.write(`depth ${depth}`);
    const below = depth === 0 ? [] : await this.nest(depth - 1);
    const again = await this.steps.write(`back ${depth}`);
    return [mine, ...below, again];
  }
  @Workflow()
  async changes(): Promise<string> {
    await this.steps.write('first');
    const second = await (change === 'other function' ? this.steps.read('x') : this.steps.write(change === 'other input' ? 'y' : 'x'));
    if (change === 'a call too many, whose error the body swallows') await this.steps.read('x').catch(() => {});
    if (change === 'a call too many, and nothing after it') {
      await this.steps.read('x').catch(() => {});
      return 'all is well';
    }
    if (change === 'now for random') now();
    else random();
    if (change === 'a new call at the end') await this.steps.write('new');
    await gates.at('crash here');
    return second + (await this.steps.write('last'));
  }
}

const ids = (n: number): string[] => Array.from({ length: n }, (_, i) => String(i));

describe('L5: step ids', () => {
  beforeEach(() => {
    gates.reset();
    change = 'none';
  });

  it('L5: assigned at the call, dense, over every kind of call', async () => {
    await using engine = await Engine.start({ services: [Flows] });
    const out = await engine.app.start(Flows, { workflowId: 'all' }).all(3).result();
    expect(out.slice(0, 10)).deep.equal(['w0', 'r0', 'f0', 'c0', 'e0', 'a0', 'b0', 'p0', 'l0', 's0']);
    const records = await engine.records('all');
    // write, read, fly, call, now, random, sleep, refuses, 3 at once, leaf, start, result
    expect(records.map((r) => r.step_id)).deep.equal(ids(14 * 3));
    expect(records.slice(0, 14).map((r) => r.name)).deep.equal([
      'Steps.write',
      'Steps.read',
      'Steps.fly',
      'Steps.call',
      'now',
      'random',
      'sleep',
      'Steps.refuses',
      'Steps.write',
      'Steps.write',
      'Steps.call',
      'Flows.leaf',
      'start(Flows.leaf)',
      'result',
    ]);
  });

  for (const fault of ['40001', '40P01', 'lost connection', 'lost row'] as const) {
    // A run that lost a row begins anew after a pause that grows: fewer of them.
    const every = fault === 'lost row' ? 5 : 2;
    it(`L5: dense and the same when each commit number n * ${every} fails (${fault})`, async () => {
      await using engine = await Engine.start({ services: [Flows] });
      const commits = await FailingCommits.install(engine.admin);
      await commits.failEvery(fault, every);
      const out = await engine.app.start(Flows, { workflowId: 'all' }).all(2).result();
      expect(out.slice(0, 10)).deep.equal(['w0', 'r0', 'f0', 'c0', 'e0', 'a0', 'b0', 'p0', 'l0', 's0']);
      expect((await engine.records('all')).map((r) => r.step_id)).deep.equal(ids(14 * 2));
      expect((await commits.counts()).faults).greaterThan(20 / every);
      expect((await engine.ledger()).sort()).deep.equal(['a0', 'a1', 'b0', 'b1', 'f0', 'f1', 'l0', 'l1', 's0', 's1', 'w0', 'w1']);
      await engine.expectEffectsRecorded();
    });
  }

  it('L5: more than 16 calls in a workflow, and nesting deeper than 16, have ids that never collide (BEHAVIOUR 68)', async () => {
    await using engine = await Engine.start({ services: [Flows] });
    const deep = 20;
    const expected = [...Array.from({ length: deep + 1 }, (_, i) => `depth ${deep - i}`), ...Array.from({ length: deep + 1 }, (_, i) => `back ${i}`)];
    expect(await engine.app.start(Flows, { workflowId: 'deep' }).nest(deep).result()).deep.equal(expected);
    expect(await engine.ledger()).deep.equal(expected);
    const { rows } = await engine.admin.query<{ n: number }>(
      `select count(*)::int as n from apiary.workflow_status where root_id = 'deep' or workflow_id = 'deep'`,
    );
    expect(rows[0]?.n).equal(deep + 1);
    await engine.app.start(Flows, { workflowId: 'long' }).all(5).result();
    expect((await engine.records('long')).map((r) => r.step_id)).deep.equal(ids(70));
  });

  /** Runs to the gate, dies there, and is replayed by a body that does something else. */
  async function replayed(to: typeof change): Promise<{ engine: Engine; outcome: unknown }> {
    const engine = await Engine.start({ services: [Flows], lease: '400 ms', poll: '50 ms' });
    gates.close('crash here');
    await engine.app.start(Flows, { workflowId: 'w' }).changes();
    await gates.reached('crash here');
    // What is to be replayed has to be durable.
    const { executor } = runningOf(engine.app);
    for (const run of executor.lifecycle.running) await executor.barrier.flush(run);
    await crash(engine.app);
    change = to;
    gates.reset();
    const second = await engine.another();
    const outcome: unknown = await second
      .handle('w')
      .result()
      .catch((error: unknown) => error);
    return { engine, outcome };
  }

  const cases = [
    ['other function', '1', 'Steps.write', 'Steps.read'],
    ['now for random', '2', 'random', 'now'],
    ['a call too many, whose error the body swallows', '2', 'random', 'Steps.read'],
    ['a call too many, and nothing after it', '2', 'random', 'Steps.read'],
  ] as const;
  for (const [to, stepId, recorded, called] of cases) {
    it(`L5: a replay that makes another call (${to}) fails with NONDETERMINISM, which names both`, async () => {
      const { engine, outcome } = await replayed(to);
      await using _ = engine;
      expect(outcome).include({ code: 'NONDETERMINISM' });
      expect((outcome as { details: unknown }).details).deep.equal({ stepId, recorded, called });
      expect(await engine.row('w')).include({ status: 'ERROR' });
      expect(await engine.ledger(), 'nothing more happened').deep.equal(['first', 'x']);
    });
  }

  it('L5: a replay that gives a step other input fails with NONDETERMINISM, which names both', async () => {
    const { engine, outcome } = await replayed('other input');
    await using _ = engine;
    expect(outcome).include({ code: 'NONDETERMINISM' });
    const { details } = outcome as { details: { stepId: string; recorded: string; called: string } };
    expect(details.stepId).equal('1');
    expect(details.recorded).match(/^Steps\.write with input /);
    expect(details.called).match(/^Steps\.write with input /);
    expect(details.recorded).not.equal(details.called);
    expect(await engine.ledger()).deep.equal(['first', 'x']);
  });

  it('L5: a call that is new at the end of what is recorded is no mistake', async () => {
    const { engine, outcome } = await replayed('a new call at the end');
    await using _ = engine;
    expect(outcome).equal('xlast');
    expect((await engine.records('w')).map((r) => r.step_id)).deep.equal(ids(5));
  });

  it('L5: the same body is replayed without a word', async () => {
    const { engine, outcome } = await replayed('none');
    await using _ = engine;
    expect(outcome).equal('xlast');
    expect(await engine.ledger()).deep.equal(['first', 'x', 'last']);
  });
});
