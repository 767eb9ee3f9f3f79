import { Communicator, Service, Transaction, Workflow, handleOf, isApiaryError, sleep, start } from '@apiary/core';
import { Clock, runningOf } from '@apiary/core/internal';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { abandon } from '../support/abandon.js';
import { Engine, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
const hour = 3_600_000;

@Service()
class Flows {
  @Transaction()
  async write(text: string): Promise<string> {
    await note(text);
    return text;
  }
  @Communicator()
  async tell(): Promise<string> {
    return 'told';
  }
  @Workflow()
  async stops(): Promise<string> {
    await this.write('before');
    await gates.at('stops');
    return this.write('after');
  }
  @Workflow()
  async empty(): Promise<string> {
    return 'value';
  }
  @Workflow({ deadline: '2 hours' })
  async limited(): Promise<string> {
    return this.stops();
  }
  @Workflow()
  async naps(): Promise<string> {
    await sleep('30 days');
    return this.write('after');
  }
  @Workflow()
  async starts(how: 'inherit' | 'none' | 'own'): Promise<string> {
    const options = { inherit: {}, none: { deadline: null }, own: { deadline: '3 hours' } } as const;
    return (await start(Flows, options[how]).stops()).workflowId;
  }
  @Workflow()
  async inline(): Promise<string> {
    return this.stops();
  }
  @Workflow()
  async compensates(): Promise<string> {
    try {
      await gates.at('compensates');
      return await this.write('work');
    } catch (error) {
      return `told of ${(error as { code: string }).code}`;
    }
  }
}

describe('behaviours of deadlines', () => {
  const clock = new Clock();
  let engine: Engine;
  before(async () => {
    engine = await Engine.start({ services: [Flows] }, { internals: { clock } });
  });
  after(() => engine.close());
  beforeEach(async () => {
    gates.reset();
    clock.offsetMs = 0;
    await engine.clear();
  });
  const left = async (id: string): Promise<number | undefined> => {
    const { deadline, createdAt } = await engine.app.handle(id).info();
    return deadline === undefined ? undefined : Math.round((deadline.getTime() - createdAt.getTime()) / 60_000);
  };

  it('BEHAVIOUR 40: a duration counts from the start; past it the next step throws DEADLINE and the workflow ends CANCELLED', async () => {
    gates.close('stops');
    const handle = await engine.app.start(Flows, { workflowId: 'b40', deadline: '1 hour' }).stops();
    await gates.reached('stops');
    expect(await left('b40')).equal(60);
    clock.offsetMs = hour - 60_000;
    expect(await handle.status()).equal('PENDING');
    clock.offsetMs = hour + 60_000;
    gates.open('stops');
    const error = await rejected(handle.result());
    if (!isApiaryError(error, 'DEADLINE')) return expect.fail(String(error));
    expect(error.details.deadline).instanceOf(Date);
    expect([await handle.status(), await engine.ledger('b40')]).deep.equal(['CANCELLED', ['before']]);
  });

  it('BEHAVIOUR 40: an instant is absolute', async () => {
    gates.close('stops');
    const deadline = new Date(clock.now() + 90 * 60_000);
    const handle = await engine.app.start(Flows, { workflowId: 'b40-instant', deadline }).stops();
    await gates.reached('stops');
    expect((await handle.info()).deadline).deep.equal(deadline);
    gates.open('stops');
    expect(await handle.result()).equal('after');
  });

  it('BEHAVIOUR 40: an instant in the past: no step runs, for a workflow and for direct calls; a body without steps keeps its value', async () => {
    const past = { deadline: new Date(clock.now() - 1000) };
    for (const started of [
      engine.app.start(Flows, { ...past, workflowId: 'b40-past' }).stops(),
      engine.app.start(Flows, past).write('x'),
      engine.app.start(Flows, past).tell(),
    ]) {
      expect((await rejected(started.result())).code).equal('DEADLINE');
    }
    expect([(await engine.row('b40-past'))?.status, await engine.ledger()]).deep.equal(['CANCELLED', []]);
    expect(await engine.app.start(Flows, past).empty().result()).equal('value');
  });

  it('BEHAVIOUR 40: the deadline of a @Workflow, and one at the start that beats it', async () => {
    gates.close('stops');
    await engine.app.start(Flows, { workflowId: 'b40-own' }).limited();
    await engine.app.start(Flows, { workflowId: 'b40-beaten', deadline: '10 minutes' }).limited();
    await engine.app.start(Flows, { workflowId: 'b40-null', deadline: null }).limited();
    await gates.reached('stops', 3);
    expect([await left('b40-own'), await left('b40-beaten'), await left('b40-null')]).deep.equal([120, 10, undefined]);
    gates.open('stops');
    await Promise.all(['b40-own', 'b40-beaten', 'b40-null'].map((id) => engine.app.handle(id).result()));
  });

  it('BEHAVIOUR 40: children inherit it, started and inline; null detaches them; their own beats it', async () => {
    gates.close('stops');
    const options = { deadline: '1 hour' } as const;
    const ids = await Promise.all((['inherit', 'none', 'own'] as const).map((how) => engine.app.start(Flows, options).starts(how).result()));
    await engine.app.start(Flows, { ...options, workflowId: 'b40-inline' }).inline();
    await gates.reached('stops', 4);
    expect(await Promise.all(ids.map(left))).deep.equal([60, undefined, 180]);
    await until('the inline child has a row', () => engine.row('b40-inline-0'));
    expect((await engine.app.handle('b40-inline-0').info()).deadline).deep.equal((await engine.app.handle('b40-inline').info()).deadline);
    gates.open('stops');
    await Promise.all([...ids, 'b40-inline'].map((id) => engine.app.handle(id).result()));
  });

  it('BEHAVIOUR 40: it survives a recovery', async () => {
    gates.close('stops');
    const handle = await engine.app.start(Flows, { workflowId: 'b40-recovered', deadline: '1 hour' }).stops();
    await gates.reached('stops');
    const { deadline } = await handle.info();
    await abandon(engine, ['b40-recovered']);
    await gates.reached('stops', 2);
    expect((await handle.info()).deadline).deep.equal(deadline);
    clock.offsetMs = hour + 1000;
    gates.open('stops');
    expect((await rejected(handle.result())).code).equal('DEADLINE');
    expect(await engine.ledger('b40-recovered')).deep.equal(['before']);
  });

  it('BEHAVIOUR 40: it wakes a parked workflow, which ends then and not when its sleep does', async () => {
    const handle = await engine.app.start(Flows, { workflowId: 'b40-parked', deadline: '1 hour' }).naps();
    const { wakeAt, deadline } = await until('it is parked', async () => (await handle.info()).wakeAt !== undefined && (await handle.info()));
    expect(wakeAt).deep.equal(deadline);
    clock.offsetMs = hour + 1000;
    await runningOf(engine.app).poll.now();
    expect((await rejected(handle.result())).code).equal('DEADLINE');
    expect(await engine.ledger('b40-parked')).deep.equal([]);
  });

  it('BEHAVIOUR 40: a body may catch DEADLINE and end with a value', async () => {
    gates.close('compensates');
    const handle = await engine.app.start(Flows, { deadline: '1 hour' }).compensates();
    await gates.reached('compensates');
    clock.offsetMs = hour + 1000;
    gates.open('compensates');
    expect([await handle.result(), await handle.status()]).deep.equal(['told of DEADLINE', 'SUCCESS']);
  });

  it('BEHAVIOUR 40: a bad deadline is CONFIG, from the app, in a workflow, and starts nothing', async () => {
    const before = (await engine.admin.query('select from apiary.workflow_status')).rowCount;
    for (const deadline of [-1, Number.NaN, Infinity, 'soon', new Date(Number.NaN), {}, true]) {
      expect(() => engine.app.start(Flows, { deadline: deadline as never }), String(deadline))
        .throw()
        .include({ code: 'CONFIG' })
        .property('details')
        .property('path')
        .equal('start.deadline');
    }
    expect((await engine.admin.query('select from apiary.workflow_status')).rowCount).equal(before);
  });

  it('the DEADLINE of another workflow is an error like any other, not the end of the one that waits', async () => {
    gates.close('stops');
    await engine.app.start(Flows, { workflowId: 'limited', deadline: '1 hour' }).stops();
    await gates.reached('stops');
    @Service()
    class Waits {
      @Workflow()
      async waits(): Promise<string> {
        return handleOf<string>('limited').result();
      }
    }
    const other = await engine.another({ services: [Waits, Flows] });
    const waiting = rejected(other.start(Waits, { workflowId: 'waits' }).waits().result());
    clock.offsetMs = hour + 1000;
    gates.open('stops');
    expect(await waiting).include({ code: 'DEADLINE' });
    expect((await engine.row('waits'))?.status).equal('ERROR');
    await other.shutdown({ grace: 0 });
  });
});
