/** Rows of a workflow are read by whoever may run it: what was read before another reader's run ended is no ground to run it again. */
import { Service, sleep, start, Transaction, Workflow } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { commits, executes, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { abandon } from '../support/abandon.js';
import { Engine, note, Trace } from '../support/engine.js';
import { gates, Voice } from '../support/voice.js';

@Service()
class Flows {
  constructor(private readonly voice: Voice) {}
  @Workflow()
  async says(): Promise<string> {
    return this.voice.say('one');
  }
  @Workflow()
  async saysAndSleeps(): Promise<string> {
    const said = await this.voice.say('one');
    await sleep('1 hour');
    return said;
  }
  @Workflow()
  async calls(): Promise<string> {
    return this.says();
  }
  @Transaction()
  async startsWithItsCommit(): Promise<void> {
    await start(Flows, { workflowId: 'w' }).says();
  }
  @Transaction()
  async note(): Promise<void> {
    await note('noted');
  }
  /** Does not need the journal, which answers in order. */
  @Workflow()
  async notes(): Promise<void> {
    await gates.at('body');
    await this.note();
  }
  @Workflow()
  async starts(): Promise<void> {
    await start(Flows, { workflowId: 'w' }).notes();
  }
}

const recordsAreRead = executes(/function_status f where f\.workflow_id = any/);

describe('rows that two readers have read', () => {
  let engine: Engine;
  const trace = new Trace();
  beforeEach(async () => {
    gates.reset();
    trace.clear();
    engine = await Engine.start({ services: [Flows], poll: '1 hour', lease: '3 hours' }, { proxied: true, internals: { probe: trace.probe } });
  });
  afterEach(async () => {
    gates.reset();
    await engine.close();
  });

  /** A workflow of an executor that is gone, at its first step. */
  async function left(body: 'calls' | 'says' | 'saysAndSleeps', workflowId = 'w'): Promise<void> {
    gates.close('one');
    const other = await engine.another();
    void (await other.start(Flows, { workflowId })[body]());
    await gates.reached('one');
    await other.shutdown({ grace: 0 });
    await abandon(engine, [workflowId]);
    gates.reset();
  }

  /** Holds an answer while the look for own rows runs the workflow as far as it can. */
  async function meanwhile(is: ReturnType<typeof executes>, work: () => Promise<unknown>, { id = 'w', skip = 0 } = {}): Promise<void> {
    const held = engine.proxy.add({ on: 'request', is, skip, fault: { kind: 'hold answer' } });
    const worked = work();
    await held.hit;
    await runningOf(engine.app).poll.sweep();
    await until('it has come as far as it can', async () => {
      const row = await engine.row(id);
      return row?.status === 'SUCCESS' || row?.executor_id === null;
    });
    held.release();
    await worked;
  }

  for (const body of ['says', 'saysAndSleeps'] as const) {
    const far = body === 'says' ? 'end' : 'sleep';
    it(`a claim whose records are being read does not run again what was run to its ${far}`, async () => {
      await left(body);
      await meanwhile(recordsAreRead, () => runningOf(engine.app).poll.now());
      expect(trace.epochsOf('w')).deep.equal([2]);
      expect(gates.visits('one'), 'calls outside').equal(1);
    });
  }

  it('a claim whose own answer comes late does not run again what it gave', async () => {
    await left('says');
    await meanwhile(executes(/claimed_records = chosen\.records/), () => runningOf(engine.app).poll.now());
    expect(trace.epochsOf('w')).deep.equal([2]);
    expect(gates.visits('one'), 'calls outside').equal(1);
  });

  for (const [what, is] of [
    ['records', recordsAreRead],
    ['own answer', executes(/set executor_id = \$1, epoch = w\.epoch \+ 1, wake_at = null/)],
  ] as const) {
    it(`a wake-up whose ${what} come${what === 'records' ? '' : 's'} late does not run again what it woke`, async () => {
      const handle = await engine.app.start(Flows, { workflowId: 'w' }).saysAndSleeps();
      await until('it is parked', async () => (await engine.row('w'))?.executor_id === null);
      await engine.admin.query(`update apiary.workflow_status set wake_at = now() where workflow_id = 'w'`);
      await engine.admin.query(`update apiary.function_record set output = '0' where workflow_id = 'w' and kind = 'sleep'`);
      await meanwhile(is, () => runningOf(engine.app).poll.wake());
      expect(await handle.result()).equal('one');
      expect(trace.epochsOf('w')).deep.equal([1, 2]);
    });
  }

  it('a child that runs before its parent knows of the COMMIT that made it does not run again', async () => {
    await meanwhile(commits, () => engine.app.get(Flows).startsWithItsCommit());
    expect(trace.epochsOf('w')).deep.equal([1]);
    expect(gates.visits('one'), 'calls outside').equal(1);
  });

  it('a child that runs before the workflow that started it knows that its row is there does not run again', async () => {
    await meanwhile(executes(/workflow_status .* on conflict \(workflow_id\) do nothing/s), async () => (await engine.app.start(Flows).starts()).result());
    expect(trace.epochsOf('w')).deep.equal([1]);
    expect(gates.visits('body')).equal(1);
  });

  it('a child that runs before the replay of its parent has read its records does not run again', async () => {
    await left('calls', 'parent');
    const child = await engine.only('Flows.says');
    await engine.admin.query('update apiary.workflow_status set executor_id = $1 where workflow_id = $2', [runningOf(engine.app).executor.id, child]);
    // The first ones are those of the parent, which is claimed.
    await meanwhile(recordsAreRead, () => runningOf(engine.app).poll.now(), { id: child, skip: 1 });
    expect(await engine.app.handle('parent').result()).equal('one');
    expect(trace.epochsOf(child)).length(1);
    expect(gates.visits('one'), 'calls outside').equal(1);
  });

  it('a start by id that read the row before another one ran it to its end does not run it again', async () => {
    const committed = engine.proxy.add({ on: 'request', is: commits, fault: { kind: 'hold answer' } });
    const parent = engine.app.get(Flows).startsWithItsCommit();
    await committed.hit;
    await until('the row is there', async () => (await engine.row('w')) !== undefined);
    const read = engine.proxy.add({ on: 'request', is: executes(/where w\.workflow_id = any/), fault: { kind: 'hold answer' } });
    const handle = engine.app.start(Flows, { workflowId: 'w' }).says();
    await read.hit;
    committed.release();
    await parent;
    await until('it has ended', async () => (await engine.row('w'))?.status === 'SUCCESS');
    read.release();
    expect(await (await handle).result()).equal('one');
    expect(await (await engine.app.start(Flows).notes()).result(), 'whatever begins late has begun by then').equal(undefined);
    expect(trace.epochsOf('w')).deep.equal([1]);
    expect(gates.visits('one'), 'calls outside').equal(1);
  });
});
