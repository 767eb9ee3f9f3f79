import { Service, Transaction, Workflow, now } from '@apiary/core';
import { expect } from 'chai';
import { Engine, note, rejected } from '../support/engine.js';

let fails = true;
const odd = 'NUL \u0000, a lone \ud800, "quotes", \\u0000 in letters, 漢';

@Service()
class Steps {
  @Transaction()
  async write(label: string): Promise<string> {
    await note(label === odd ? 'odd' : label.slice(0, 20));
    return label;
  }
  @Transaction({ readOnly: true })
  async read(label: string): Promise<string> {
    return label;
  }
  @Transaction()
  async refuse(): Promise<string> {
    throw new TypeError(odd);
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async one(label: string): Promise<string> {
    return this.steps.write(label);
  }
  @Workflow()
  async child(): Promise<string> {
    return this.one('of the child');
  }
  @Workflow()
  async failing(): Promise<string> {
    await this.steps.write('once');
    if (fails) throw new Error('the body failed');
    return this.steps.write('then');
  }
  @Workflow()
  async caught(): Promise<string> {
    const message = await this.steps.refuse().catch((error: Error) => error.message);
    return this.steps.write(message);
  }
  @Workflow()
  async many(values: number): Promise<string> {
    for (let i = 0; i < values; i++) now();
    return this.steps.write('w');
  }
  @Workflow()
  async two(): Promise<string> {
    const read = await this.steps.read('r');
    return `${read} ${await this.steps.write('w')}`;
  }
}

describe('4.4: a workflow that is inserted complete is one row, its records included', () => {
  let engine: Engine;
  before(async () => {
    engine = await Engine.start({ services: [Flows] });
  });
  after(() => engine.close());
  beforeEach(async () => {
    fails = true;
    await engine.clear();
    await engine.admin.query('truncate apiary.workflow_status, apiary.function_record');
  });
  const rows = async (): Promise<number> => (await engine.admin.query('select from apiary.function_record')).rowCount ?? -1;
  const flows = (workflowId: string) => engine.app.start(Flows, { workflowId });

  it('4.4: and function_status shows them as if each had a row of its own', async () => {
    await flows('a').one(odd).result();
    expect(await rows()).equal(0);
    const [{ xid, started_at: started, completed_at: completed, executor_id: owner, ...record }] = (await engine.records('a')) as unknown as [
      Record<string, unknown>,
    ];
    const workflow = await engine.row('a');
    expect([xid, owner]).deep.equal([workflow?.xid, workflow?.executor_id]);
    expect(Number(started)).greaterThan(1e15);
    expect(Number(completed)).at.least(Number(started));
    const hash = (await engine.records('a'))[0] as never as { input_hash: string };
    expect(record).deep.equal({
      ...{ workflow_id: 'a', step_id: '0', name: 'Steps.write', kind: 'transaction', input_hash: hash.input_hash, output: workflow?.output },
      ...{ error: null, attempts: 1, child_id: null, epoch: 1 },
    });
    expect((await engine.app.handle('a').steps()).map((s) => [s.name, s.output])).deep.equal([['Steps.write', odd]]);
    await engine.expectEffectsRecorded();
  });

  it('4.4: read-only steps, errors that were caught, and children of one commit with it', async () => {
    expect(await flows('two').two().result()).equal('r w');
    // The wire knows no lone surrogate: the text of an error is stored as the codec writes it, like every other value.
    expect(await flows('caught').caught().result()).equal(odd);
    expect(await flows('child').child().result()).equal('of the child');
    expect((await engine.app.handle('two').steps()).map((s) => [s.stepId, s.name, s.output])).deep.equal([
      ['0', 'Steps.read', 'r'],
      ['1', 'Steps.write', 'w'],
    ]);
    expect((await engine.app.handle('caught').steps()).map((s) => [s.stepId, s.name, (s.error as Error | undefined)?.message])).deep.equal([
      ['0', 'Steps.refuse', odd],
      ['1', 'Steps.write', undefined],
    ]);
    expect((await engine.records('child-0')).map((r) => r.name)).deep.equal(['Steps.write']);
  });

  it('4.4: a body that failed behind its last commit is resumed from its row, and its step is not done again', async () => {
    expect(await rejected(flows('f').failing().result())).include({ message: 'the body failed' });
    expect([await rows(), await engine.ledger()]).deep.equal([0, ['once']]);
    fails = false;
    await engine.app.handle('f').resume();
    expect(await engine.app.handle('f').result()).equal('then');
    expect(await engine.ledger()).deep.equal(['once', 'then']);
    expect((await engine.records('f')).map((r) => [r.step_id, r.name, r.epoch])).deep.equal([
      ['0', 'Steps.write', 1],
      ['1', 'Steps.write', 2],
    ]);
  });

  it('4.4: a fork copies them', async () => {
    await flows('two').two().result();
    const fork = await engine.app.handle('two').fork({ from: '1', workflowId: 'forked' });
    expect(await fork.result()).equal('r w');
    expect((await engine.records('forked')).map((r) => r.name)).deep.equal(['Steps.read', 'Steps.write']);
    expect(await engine.ledger()).deep.equal(['w', 'w']);
  });

  it('4.4: many records, or long ones, have rows of their own', async () => {
    await flows('eight').many(7).result();
    expect(await rows()).equal(0);
    await flows('nine').many(8).result();
    expect(await rows()).equal(9);
    await flows('long').one('x'.repeat(2000)).result();
    expect(await rows()).equal(10);
    expect((await engine.records('eight')).length).equal(8);
  });
});
