import { Communicator, Service, Transaction, Workflow, workflowId } from '@apiary/core';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
let broken = true;

@Service()
class Flows {
  @Transaction()
  async write(text: string): Promise<string> {
    await note(text);
    return `${text} by ${workflowId()}`;
  }
  @Communicator({ retry: { maxAttempts: 1 } })
  async fragile(): Promise<string> {
    await gates.at('fragile');
    if (broken) throw new Error('not yet');
    return 'mended';
  }
  @Workflow()
  async three(text: string): Promise<string[]> {
    const out = [await this.write(`${text} 1`)];
    await gates.at('after one');
    out.push(await this.write(`${text} 2`));
    out.push(await this.write(`${text} 3`));
    return out;
  }
  @Workflow()
  async breaks(): Promise<string> {
    await this.write('before');
    await gates.at('breaks');
    if (broken) throw new Error('the body broke');
    return this.write('after');
  }
  @Workflow()
  async fails(): Promise<string> {
    await this.write('before');
    return this.fragile();
  }
  @Workflow()
  async sideBySide(): Promise<string[]> {
    return Promise.all([this.write('left').then((v) => gates.at('left').then(() => v)), this.slow(), this.write('right')]);
  }
  @Communicator()
  async slow(): Promise<string> {
    await gates.at('slow');
    return 'slow';
  }
  @Workflow()
  async parent(): Promise<string[]> {
    return [await this.child('a'), await this.child('b'), await this.write('own')];
  }
  @Workflow()
  async child(text: string): Promise<string> {
    return this.write(text);
  }
  @Workflow()
  async withRefusal(): Promise<string> {
    await this.write('1');
    await this.write(Symbol('x') as never).catch(() => {});
    return this.write('3');
  }
}

describe('behaviours of resume and fork', () => {
  let engine: Engine;
  before(async () => {
    engine = await Engine.start({ services: [Flows] });
  });
  after(() => engine.close());
  beforeEach(async () => {
    gates.reset();
    broken = true;
    await engine.clear();
  });
  const count = async (): Promise<number> => Number((await engine.admin.query('select count(*) as n from apiary.workflow_status')).rows[0].n);

  it('BEHAVIOUR 38: resume of a completed workflow does nothing', async () => {
    const handle = await engine.app.start(Flows, { workflowId: 'b38' }).three('x');
    const result = await handle.result();
    const row = await engine.row('b38');
    await handle.resume();
    expect(await engine.app.resume({ workflowId: 'b38' })).equal(0);
    expect(await engine.row('b38')).deep.equal(row);
    expect([await handle.result(), gates.visits('after one'), (await engine.ledger()).length]).deep.equal([result, 1, 3]);
  });

  it('BEHAVIOUR 38: resume of a failed workflow goes on after its last record; a recorded error stays the outcome of its step', async () => {
    expect((await rejected(engine.app.start(Flows, { workflowId: 'b38-body' }).breaks().result())).message).equal('the body broke');
    broken = false;
    expect(await engine.app.resume({ workflowId: 'b38-body' })).equal(1);
    expect(await engine.app.handle('b38-body').result()).equal('after by b38-body');
    expect(await engine.ledger('b38-body')).deep.equal(['before', 'after']);

    broken = true;
    expect((await rejected(engine.app.start(Flows, { workflowId: 'b38-step' }).fails().result())).message).equal('not yet');
    broken = false;
    await engine.app.handle('b38-step').resume();
    expect((await rejected(engine.app.handle('b38-step').result())).message).equal('not yet');
    expect([gates.visits('fragile'), await engine.ledger('b38-step')]).deep.equal([1, ['before']]);
  });

  it('BEHAVIOUR 39: fork at a step: a new id, the steps before it are copied, the others run anew; the origin stays as it is', async () => {
    const origin = await engine.app.start(Flows, { workflowId: 'b39' }).three('x');
    const first = await origin.result();
    const rows = [await engine.row('b39'), await engine.records('b39')];
    const fork = await origin.fork({ from: '1' });
    expect(fork.workflowId).not.equal('b39');
    expect(await fork.result()).deep.equal(['x 1 by b39', `x 2 by ${fork.workflowId}`, `x 3 by ${fork.workflowId}`]);
    expect(await engine.ledger(fork.workflowId)).deep.equal(['x 2', 'x 3']);
    expect([await engine.row('b39'), await engine.records('b39')]).deep.equal(rows);
    expect(await origin.result()).deep.equal(first);
    expect((await fork.info()).input).deep.equal(['x']);
  });

  it('BEHAVIOUR 39: a fork of a fork, from the first step, and from behind the last one', async () => {
    await engine.app.start(Flows, { workflowId: 'b39-o' }).three('x').result();
    const fork = await engine.app.handle<string[]>('b39-o').fork({ from: '1', workflowId: 'b39-f' });
    await fork.result();
    const second = await fork.fork({ from: '2', workflowId: 'b39-ff' });
    expect(await second.result()).deep.equal(['x 1 by b39-o', 'x 2 by b39-f', 'x 3 by b39-ff']);
    expect(await (await second.fork({ from: '0', workflowId: 'b39-0' })).result()).deep.equal(['x 1 by b39-0', 'x 2 by b39-0', 'x 3 by b39-0']);
    expect(await (await second.fork({ from: '3', workflowId: 'b39-3' })).result()).deep.equal(['x 1 by b39-o', 'x 2 by b39-f', 'x 3 by b39-ff']);
    expect(await engine.ledger('b39-3')).deep.equal([]);
  });

  it('BEHAVIOUR 39: the same fork twice is one fork; its id for another origin is a CONFLICT', async () => {
    await engine.app.start(Flows, { workflowId: 'b39-one' }).three('x').result();
    await engine.app.start(Flows, { workflowId: 'b39-two' }).three('y').result();
    const forks = await Promise.all([1, 2].map(() => engine.app.handle('b39-one').fork({ from: '2', workflowId: 'b39-same' })));
    await Promise.all(forks.map((fork) => fork.result()));
    expect(await engine.ledger('b39-same')).deep.equal(['x 3']);
    expect((await rejected(engine.app.handle('b39-two').fork({ from: '2', workflowId: 'b39-same' }))).code).equal('CONFLICT');
    expect((await rejected(engine.app.handle('b39-one').fork({ from: '1', workflowId: 'b39-two' }))).code).equal('CONFLICT');
  });

  it('BEHAVIOUR 39: a fork with children: those before the step are not run again, those after it have ids of their own', async () => {
    await engine.app.start(Flows, { workflowId: 'b39-p' }).parent().result();
    const fork = await engine.app.handle<string[]>('b39-p').fork({ from: '1', workflowId: 'b39-pf' });
    expect(await fork.result()).deep.equal(['a by b39-p-0', 'b by b39-pf-1', 'own by b39-pf']);
    expect((await fork.steps()).map((s) => s.childId)).deep.equal(['b39-p-0', 'b39-pf-1', undefined]);
  });

  it('BEHAVIOUR 39: a fork where a step before it is not recorded yet is refused, and stores nothing', async () => {
    gates.close('slow', 'left');
    const handle = await engine.app.start(Flows, { workflowId: 'b39-gap' }).sideBySide();
    await gates.reached('slow');
    await until('the others are recorded', async () => (await engine.records('b39-gap')).length === 2);
    const before = await count();
    for (const from of ['2', '3', '9', '-1', '1.5', 'x', '']) {
      const error = await rejected(handle.fork({ from }));
      expect([error.code, error.details?.['path']], from).deep.equal(['CONFIG', 'fork.from']);
    }
    expect((await rejected(handle.fork({} as never))).code).equal('CONFIG');
    expect((await rejected(handle.fork({ from: '1', workflowId: 'a\0b' }))).code).equal('INVALID_ID');
    for (const from of ['0', '1', '7']) expect((await rejected(engine.app.handle('b39-nobody').fork({ from }))).code).equal('NOT_FOUND');
    expect(await count()).equal(before);
    gates.open('slow', 'left');
    await handle.result();
  });

  it('BEHAVIOUR 39: a call that was refused before it was recorded is no gap', async () => {
    await engine.app.start(Flows, { workflowId: 'b39-refusal' }).withRefusal().result();
    expect((await engine.records('b39-refusal')).map((r) => r.step_id)).deep.equal(['0', '2']);
    const fork = await engine.app.handle<string>('b39-refusal').fork({ from: '2', workflowId: 'b39-refusal-fork' });
    expect(await fork.result()).equal('3 by b39-refusal-fork');
    expect(await engine.ledger('b39-refusal-fork')).deep.equal(['3']);
  });

  it('a fork of a direct call runs it anew', async () => {
    await engine.app.start(Flows, { workflowId: 'direct' }).write('x').result();
    expect(await (await engine.app.handle<string>('direct').fork({ from: '0', workflowId: 'direct-fork' })).result()).equal('x by direct-fork');
    expect(await engine.ledger()).deep.equal(['x', 'x']);
  });
});
