import { Communicator, Service, Transaction, Workflow, handleOf, isApiaryError, now, signal, sleep, start, type WorkflowHandle } from '@apiary/core';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
const seen: unknown[] = [];

@Service()
class Flows {
  @Transaction()
  async write(text: string): Promise<string> {
    await note(text);
    return text;
  }
  @Communicator()
  async waits(): Promise<string> {
    const aborted = signal();
    await gates.at('waits');
    if (aborted.aborted) throw aborted.reason;
    return new Promise((_, reject) => aborted.addEventListener('abort', () => reject(aborted.reason as Error)));
  }
  @Workflow()
  async sleeps(ms: number): Promise<string> {
    await this.write('before');
    await sleep(ms);
    return this.write('after');
  }
  @Workflow()
  async callsOut(): Promise<string> {
    return this.waits();
  }
  @Workflow()
  async stops(): Promise<string> {
    await this.write('before');
    await gates.at('stops');
    return this.write('after');
  }
  @Workflow()
  async endsAlone(): Promise<string> {
    await this.write('only');
    await gates.at('endsAlone');
    return 'kept';
  }
  @Workflow()
  async stubborn(): Promise<string> {
    await gates.at('stubborn');
    for (let i = 0; i < 3; i++) await this.write('never').catch((error: unknown) => seen.push((error as { code?: string }).code));
    return 'swallowed';
  }
  @Workflow()
  async tidiesUp(): Promise<string[]> {
    const written = [await this.write('1')];
    await gates.at('tidiesUp');
    try {
      written.push(await this.write('2'));
    } catch (error) {
      seen.push(now());
      throw error;
    }
    written.push(await this.write('3'));
    return written;
  }
  @Workflow()
  async wraps(): Promise<string> {
    try {
      return await this.stopsBelow();
    } catch (error) {
      throw new Error('in words of its own', { cause: error });
    }
  }
  @Workflow()
  async aboveOneThatWraps(): Promise<string> {
    return this.wraps();
  }
  @Workflow()
  async parent(): Promise<string> {
    const child = await start(Flows).middle();
    await gates.at('parent');
    return child.result();
  }
  @Workflow()
  async startsAndSleeps(): Promise<void> {
    await start(Flows).middle();
    await sleep('1 hour');
  }
  @Workflow()
  async middle(): Promise<string> {
    return this.stopsBelow();
  }
  @Workflow()
  async stopsBelow(): Promise<string> {
    await this.write('leaf before');
    await gates.at('leaf');
    return this.write('leaf after');
  }
  @Workflow()
  async awaits(id: string): Promise<string> {
    return handleOf<string>(id).result();
  }
}

describe('behaviours of cancellation', () => {
  let engine: Engine;
  before(async () => {
    engine = await Engine.start({ services: [Flows] });
  });
  after(() => engine.close());
  beforeEach(async () => {
    gates.reset();
    seen.length = 0;
    await engine.clear();
  });
  /** Cancelled while it stands at a gate, then let go. */
  async function cancelledAt<R>(gate: string, begin: () => PromiseLike<WorkflowHandle<R>>): Promise<WorkflowHandle<R>> {
    gates.close(gate);
    const handle = await begin();
    await gates.reached(gate);
    await handle.cancel();
    gates.open(gate);
    return handle;
  }
  const status = async (id: string): Promise<string | undefined> => (await engine.row(id))?.status;

  for (const [where, id, begin] of [
    ['a sleep in memory', 'b34-nap', () => engine.app.start(Flows, { workflowId: 'b34-nap' }).sleeps(4000)],
    ['a parked sleep', 'b34-parked', () => engine.app.start(Flows, { workflowId: 'b34-parked' }).sleeps(3_600_000)],
    ['a wait for another workflow', 'b34-awaits', () => engine.app.start(Flows, { workflowId: 'b34-awaits' }).awaits('b34-other')],
    ['a communicator that heeds its signal', 'b34-out', () => engine.app.start(Flows, { workflowId: 'b34-out' }).callsOut()],
  ] as const) {
    it(`BEHAVIOUR 34: cancelled in ${where}: it stops, waiters throw CANCELLED, the status is CANCELLED and recovery ignores it`, async () => {
      gates.close('stops');
      if (id === 'b34-awaits') await engine.app.start(Flows, { workflowId: 'b34-other' }).stops();
      const handle = await begin();
      if (id === 'b34-out') await gates.reached('waits');
      else if (id === 'b34-awaits') await gates.reached('stops');
      else await until('it sleeps', async () => (await engine.records(id)).length === 2);
      const waiting = rejected(handle.result());
      const stranger = rejected(engine.app.handle(id).result());
      await engine.app.handle(id).cancel();
      for (const error of [await waiting, await stranger]) {
        expect(isApiaryError(error, 'CANCELLED') && error.details.workflowId).equal(id);
      }
      expect([await status(id), await engine.ledger(id)]).deep.equal(['CANCELLED', id === 'b34-nap' || id === 'b34-parked' ? ['before'] : []]);
      const other = await engine.another(); // a launch recovers nothing of it
      expect(await status(id)).equal('CANCELLED');
      await other.shutdown({ grace: 0 });
      if (id === 'b34-awaits') {
        gates.open('stops');
        expect(await engine.app.handle('b34-other').result(), 'what it waited for goes on').equal('after');
      }
    });
  }

  it('BEHAVIOUR 34: a cancellation through another executor reaches the owner', async () => {
    const other = await engine.another();
    const handle = await engine.app.start(Flows, { workflowId: 'b34-remote' }).callsOut();
    await gates.reached('waits');
    await other.handle('b34-remote').cancel();
    expect((await rejected(handle.result())).code).equal('CANCELLED');
    expect((await rejected(other.handle('b34-remote').result())).code).equal('CANCELLED');
    await other.shutdown({ grace: 0 });
  });

  it('BEHAVIOUR 35: a cancellation known before the next step: that step throws, and a later resume runs no recorded step again', async () => {
    const handle = await cancelledAt('stops', () => engine.app.start(Flows, { workflowId: 'b35' }).stops());
    expect((await rejected(handle.result())).code).equal('CANCELLED');
    expect(await engine.ledger('b35')).deep.equal(['before']);
    await handle.resume();
    expect(await engine.app.handle('b35').result()).equal('after');
    expect([await status('b35'), await engine.ledger('b35')]).deep.equal(['SUCCESS', ['before', 'after']]);
  });

  it('BEHAVIOUR 35: a body that ends without another step keeps its value, whatever was requested', async () => {
    const handle = await cancelledAt('endsAlone', () => engine.app.start(Flows, { workflowId: 'b35-ends' }).endsAlone());
    expect([await handle.result(), await status('b35-ends')]).deep.equal(['kept', 'SUCCESS']);
  });

  it('BEHAVIOUR 35: after a cancellation every step throws, also when one was caught', async () => {
    const handle = await cancelledAt('stubborn', () => engine.app.start(Flows, { workflowId: 'b35-stubborn' }).stubborn());
    expect(await handle.result()).equal('swallowed');
    expect([seen, await engine.ledger()]).deep.equal([['CANCELLED', 'CANCELLED', 'CANCELLED'], []]);
  });

  it('BEHAVIOUR 35: what a cancelled body asks for to tidy up is not recorded: resumed, its steps are those it would have had', async () => {
    const handle = await cancelledAt('tidiesUp', () => engine.app.start(Flows, { workflowId: 'b35-tidy' }).tidiesUp());
    expect((await rejected(handle.result())).code).equal('CANCELLED');
    expect([seen.length, (await engine.records('b35-tidy')).map((r) => r.name)]).deep.equal([1, ['Flows.write']]);
    await handle.resume();
    expect(await engine.app.handle('b35-tidy').result()).deep.equal(['1', '2', '3']);
    expect(await engine.ledger('b35-tidy')).deep.equal(['1', '2', '3']);
  });

  it('BEHAVIOUR 35: a cancellation that the body throws in an error of its own, as its cause, is one; resumed, nobody was told of it', async () => {
    const handle = await cancelledAt('leaf', () => engine.app.start(Flows, { workflowId: 'b35-wraps' }).aboveOneThatWraps());
    expect((await rejected(handle.result())).code).equal('CANCELLED');
    const { rows } = await engine.admin.query(`select status from apiary.workflow_status where workflow_id like 'b35-wraps%'`);
    expect(rows).deep.equal(Array.from({ length: 3 }, () => ({ status: 'CANCELLED' })));
    await handle.resume();
    expect(await engine.app.handle('b35-wraps').result()).equal('leaf after');
    expect(await engine.ledger()).deep.equal(['leaf before', 'leaf after']);
  });

  it('BEHAVIOUR 36: a cancellation goes down through all levels, children end before their parent', async () => {
    gates.close('leaf');
    const handle = await engine.app.start(Flows, { workflowId: 'b36' }).parent();
    await gates.reached('leaf');
    await gates.reached('parent');
    await handle.cancel();
    await until(
      'the request has come down',
      async () => (await engine.admin.query(`select from apiary.workflow_status where workflow_id = 'b36-0' and cancel_requested`)).rowCount,
    );
    gates.open('leaf');
    expect((await rejected(handle.result())).code).equal('CANCELLED');
    const { rows } = await engine.admin.query<{ workflow_id: string; status: string; updated_at: Date }>(
      `select workflow_id, status, updated_at from apiary.workflow_status where workflow_id like 'b36%' order by length(workflow_id)`,
    );
    expect(rows.map((row) => [row.workflow_id, row.status])).deep.equal([
      ['b36', 'CANCELLED'],
      ['b36-0', 'CANCELLED'],
      ['b36-0-0', 'CANCELLED'],
    ]);
    const ends = rows.map((row) => row.updated_at.getTime());
    expect(ends, 'children end first').deep.equal([...ends].sort((a, b) => b - a));
    expect(await engine.ledger()).deep.equal(['leaf before']);
  });

  it('BEHAVIOUR 36: a cancelled parent that is parked takes its children with it', async () => {
    gates.close('leaf');
    await engine.app.start(Flows, { workflowId: 'b36-parked' }).startsAndSleeps();
    await gates.reached('leaf');
    await until('the parent is parked', async () => (await engine.row('b36-parked'))?.executor_id === null);
    await engine.app.handle('b36-parked').cancel();
    expect(await status('b36-parked')).equal('CANCELLED');
    gates.open('leaf');
    await until(
      'all are cancelled',
      async () => (await engine.admin.query(`select from apiary.workflow_status where workflow_id like 'b36-parked%' and status = 'CANCELLED'`)).rowCount === 3,
    );
    expect(await engine.ledger()).deep.equal(['leaf before']);
  });

  it('BEHAVIOUR 36: a cancellation after the end changes nothing', async () => {
    const handle = await engine.app.start(Flows, { workflowId: 'b36-ended' }).stops();
    expect(await handle.result()).equal('after');
    const before = await engine.row('b36-ended');
    await handle.cancel();
    expect(await engine.app.cancel({ workflowId: 'b36-ended' })).equal(0);
    expect(await engine.row('b36-ended')).deep.equal(before);
    expect(await handle.result()).equal('after');
  });

  it('BEHAVIOUR 37: its own cancellation while it awaits a child is not the outcome of the wait: resumed, it gets the result of the child', async () => {
    gates.close('leaf');
    const handle = await engine.app.start(Flows, { workflowId: 'b37' }).parent();
    await gates.reached('leaf');
    await handle.cancel();
    const asked = `select workflow_id from apiary.workflow_status where cancel_requested and (workflow_id = 'b37' or root_id = 'b37')`;
    await until('the whole tree was asked', async () => ((await engine.admin.query(asked)).rowCount ?? 0) >= 2);
    gates.open('leaf');
    expect((await rejected(handle.result())).code).equal('CANCELLED');
    const { rows: children } = await engine.admin.query(`select distinct status from apiary.workflow_status where workflow_id like 'b37-%'`);
    expect(children, 'the children ended with it').deep.equal([{ status: 'CANCELLED' }]);
    expect(await engine.ledger()).deep.equal(['leaf before']);
    expect((await engine.records('b37')).map((r) => r.name)).deep.equal(['start(Flows.middle)']);
    await engine.app.handle('b37').resume();
    expect(await engine.app.handle('b37').result()).equal('leaf after');
    expect(await engine.ledger()).deep.equal(['leaf before', 'leaf after']);
  });

  it('BEHAVIOUR 77: a caller that gives up its wait changes nothing; a cancelled workflow ends the wait with code CANCELLED', async () => {
    gates.close('stops');
    const handle = await engine.app.start(Flows, { workflowId: 'b77' }).stops();
    await gates.reached('stops');
    const controller = new AbortController();
    const given = rejected(handle.result({ signal: controller.signal }));
    const late = await rejected(handle.result({ timeout: 1 }));
    expect([late.code, late.details]).deep.equal(['WAIT_TIMEOUT', { timeoutMs: 1 }]);
    controller.abort(new Error('no longer interested'));
    expect((await given).message).equal('no longer interested');
    expect((await rejected(engine.app.handle('b77').result({ signal: controller.signal }))).message).equal('no longer interested');
    expect(await status('b77')).equal('PENDING');
    gates.open('stops');
    expect(await handle.result({ timeout: '1 minute', signal: new AbortController().signal })).equal('after');

    const second = await engine.app.start(Flows, { workflowId: 'b77-cancelled' }).callsOut();
    await gates.reached('waits');
    const waiting = rejected(second.result({ timeout: '1 minute' }));
    await second.cancel();
    expect((await waiting).code).equal('CANCELLED');
  });
});
