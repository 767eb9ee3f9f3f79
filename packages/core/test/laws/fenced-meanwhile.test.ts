/** L8: an executor is fenced and registers anew between two moments of one piece of work. */
import { Service, start, Workflow } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { executes, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, Trace } from '../support/engine.js';
import { fence } from '../support/fence.js';
import { gates, Voice } from '../support/voice.js';

@Service()
class Flows {
  constructor(private readonly voice: Voice) {}
  @Workflow()
  async nothing(): Promise<void> {}
  @Workflow()
  async says(): Promise<string> {
    return `${await this.voice.say('one')} ${await this.voice.say('two')}`;
  }
  @Workflow()
  async calls(): Promise<string> {
    return this.says();
  }
  @Workflow()
  async starts(): Promise<string> {
    return (await start(Flows, { workflowId: 'child' }).nothing()).workflowId;
  }
}

describe('L8: fenced meanwhile', () => {
  let engine: Engine;
  const trace = new Trace();
  beforeEach(async () => {
    gates.reset();
    trace.clear();
    engine = await Engine.start({ services: [Flows] }, { proxied: true, internals: { probe: trace.probe } });
  });
  afterEach(async () => {
    gates.reset();
    await engine.close();
  });

  it('L8: a start that was on its way is not written under the id that is lost: nobody might look for it any more', async () => {
    const held = engine.proxy.add({ on: 'request', is: executes(/^insert into "apiary"\.workflow_status/), fault: { kind: 'hold request' } });
    const handle = engine.app.start(Flows, { workflowId: 'w' }).nothing();
    await held.hit;
    const [, now] = await fence(engine);
    await (await handle).result();
    expect(await engine.row('w')).include({ status: 'SUCCESS', executor_id: now, epoch: 1 });
    expect(trace.epochsOf('w')).deep.equal([1]);
  });

  it('L8: rows that were read before are no ground to run a workflow after: it is claimed first', async () => {
    gates.close('two');
    const handle = await engine.app.start(Flows, { workflowId: 'w' }).says();
    await gates.reached('two');
    const { executor } = runningOf(engine.app);
    const held = engine.proxy.add({ on: 'request', is: executes(/function_status f where f\.workflow_id = any/), fault: { kind: 'hold answer' } });
    const [run] = [...executor.lifecycle.running];
    executor.lifecycle.voidRun(run as NonNullable<typeof run>, 'the test says so');
    await held.hit;
    const [before, now] = await fence(engine);
    held.release();
    gates.open('two');
    expect(await handle.result()).equal('one two');
    expect(trace.epochsOf('w'), 'epochs in which it ran').deep.equal([1, 2]);
    expect(await engine.row('w')).include({ status: 'SUCCESS', executor_id: now, epoch: 2 });
    const { rows } = await engine.admin.query('select step_id from apiary.function_status where workflow_id = $1 and executor_id = $2', ['w', before]);
    expect(rows, 'what the first one recorded').deep.equal([{ step_id: '0' }]);
  });

  it('L8: what a claim gave is not run under another id', async () => {
    gates.close('two');
    const handle = await engine.app.start(Flows, { workflowId: 'w' }).says();
    await gates.reached('two');
    // The first fence makes it claim its own workflow; the second one comes while it reads what it has claimed.
    const held = engine.proxy.add({ on: 'request', is: executes(/function_status f where f\.workflow_id = any/), fault: { kind: 'hold answer' } });
    await fence(engine);
    await held.hit;
    const [, now] = await fence(engine);
    held.release();
    gates.open('two');
    expect(await handle.result()).equal('one two');
    expect(trace.epochsOf('w')).deep.equal([1, 3]);
    expect(await engine.row('w')).include({ status: 'SUCCESS', executor_id: now, epoch: 3 });
  });

  it('L8: a child whose start was on its way belongs to whoever goes on', async () => {
    const held = engine.proxy.add({
      on: 'request',
      is: executes(/workflow_status .* on conflict \(workflow_id\) do nothing/s),
      fault: { kind: 'lose answer' },
    });
    const handle = await engine.app.start(Flows, { workflowId: 'w' }).starts();
    await held.hit;
    await fence(engine);
    expect(await handle.result()).equal('child');
    await until('the child has ended', async () => (await engine.row('child'))?.status === 'SUCCESS');
  });

  it('L8: a run that became void while it looked for its inline child does not begin it: its own row would be written under the id that is lost', async () => {
    const looks = executes(/^select w\.workflow_id/);
    // The first look is whether the id that was given is taken.
    const ofTheVoidRun = engine.proxy.add({ on: 'request', is: looks, skip: 1, fault: { kind: 'hold answer' } });
    const result = engine.app.start(Flows, { workflowId: 'w' }).calls().result();
    result.catch(() => {});
    await ofTheVoidRun.hit;
    // What is to become of it is looked up later than that.
    const ofWhatBecomes = engine.proxy.add({ on: 'request', is: looks, fault: { kind: 'hold request' } });
    const [before, now] = await fence(engine);
    await until('nobody looks at the old id any more', async () => {
      const { rows } = await engine.admin.query('select settled from apiary.executor where executor_id = $1', [before]);
      return rows[0]?.settled === true;
    });
    await ofWhatBecomes.hit;
    const looked = (): number => trace.of('flight:answered').filter(({ statements }) => statements[0]?.text.startsWith('select w.workflow_id')).length;
    const known = looked();
    ofTheVoidRun.release();
    await until('it has its answer', () => looked() > known);
    await runningOf(engine.app).executor.journal.idle();
    expect(trace.of('run:started').map(({ workflowId }) => workflowId)).deep.equal(['w']);
    ofWhatBecomes.release();
    expect(await result).equal('one two');
    expect(await engine.row('w')).include({ status: 'SUCCESS', executor_id: now, epoch: 1 });
  });
});
