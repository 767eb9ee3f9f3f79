import { Service, Transaction, Workflow, sql } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { executes } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, rejected, Trace } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  @Transaction()
  async write(label: string): Promise<string> {
    await gates.at(`write ${label}`);
    await note(label);
    return label;
  }
  @Transaction({ readOnly: true })
  async read(): Promise<number> {
    return (await sql<{ n: number }>`select count(*)::int as n from spot`.one()).n;
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async order(label: string): Promise<string> {
    await gates.at('body');
    await this.steps.read();
    return this.steps.write(label);
  }
  @Workflow()
  async other(label: string): Promise<string> {
    await gates.at('other body');
    return label;
  }
}

describe('INTERLEAVING 20: one explicit id, many callers', () => {
  let engine: Engine;
  const trace = new Trace();
  before(async () => {
    engine = await Engine.start({ services: [Flows] }, { internals: { probe: trace.probe } });
  });
  after(() => engine.close());
  beforeEach(async () => {
    await engine.clear();
    gates.reset();
    trace.clear();
  });
  afterEach(() => engine.expectEffectsRecorded());

  it('INTERLEAVING 20: 1 000 callers of one process share one run, and one lookup', async () => {
    const outcomes = await Promise.all(Array.from({ length: 1000 }, () => engine.app.start(Flows, { workflowId: 'same' }).order('x').result()));
    expect(new Set(outcomes)).deep.equal(new Set(['x']));
    expect([gates.visits('body'), gates.visits('write x'), await engine.ledger()]).deep.equal([1, 1, ['x']]);
    const lookups = trace.of('flight:before').filter((f) => f.statements.some((s) => /from "apiary".workflow_status w where w.workflow_id = any/.test(s.text)));
    expect(lookups.length).equal(1);
    const texts = trace
      .of('flight:before')
      .filter((f) => f.connection === 'user')
      .flatMap((f) => f.statements.map((s) => s.text));
    expect(
      texts.filter((text) => /select.*from "apiary"\.(workflow|function)_status/s.test(text)),
      "nothing of the engine is read in a user's transaction",
    ).deep.equal([]);
  });

  it('INTERLEAVING 20: a second call after the end gets the outcome, and the body does not run', async () => {
    expect(await engine.app.start(Flows, { workflowId: 'ended' }).order('y').result()).equal('y');
    const second = await engine.another();
    expect(await second.start(Flows, { workflowId: 'ended' }).order('y').result()).equal('y');
    expect(gates.visits('body')).equal(1);
    await second.shutdown({ grace: 0 });
  });

  it('INTERLEAVING 20: other input or another function is CONFLICT, before the body runs', async () => {
    await engine.app.start(Flows, { workflowId: 'taken' }).order('z').result();
    gates.reset();
    const input = await rejected(engine.app.start(Flows, { workflowId: 'taken' }).order('other').result());
    expect([input.code, input.details?.['field']]).deep.equal(['CONFLICT', 'input']);
    const fn = await rejected(engine.app.start(Flows, { workflowId: 'taken' }).other('z').result());
    expect([fn.code, fn.details]).deep.equal(['CONFLICT', { stored: 'Flows.order', given: 'Flows.other', field: 'function' }]);
    expect([gates.visits('body'), gates.visits('other body')]).deep.equal([0, 0]);
  });

  it('INTERLEAVING 20: a call while the first one runs joins it, in another process too', async () => {
    gates.close('write j');
    const first = engine.app.start(Flows, { workflowId: 'joined' }).order('j');
    await first;
    await gates.reached('write j');
    const second = await engine.another();
    const theirs = second.start(Flows, { workflowId: 'joined' }).order('j').result();
    const conflict = await rejected(second.start(Flows, { workflowId: 'joined' }).order('k').result());
    expect(conflict.code).equal('CONFLICT');
    gates.open('write j');
    expect(await Promise.all([first.result(), theirs])).deep.equal(['j', 'j']);
    expect([gates.visits('body'), await engine.ledger()]).deep.equal([1, ['j']]);
    await second.shutdown({ grace: 0 });
  });

  it('INTERLEAVING 20: processes that race with new ids: one effect an id, one outcome for all', async () => {
    const second = await engine.another();
    const ids = Array.from({ length: 50 }, (_, i) => `race-${i}`);
    const outcomes = await Promise.all(
      ids.flatMap((workflowId) => [engine.app, second, engine.app, second].map((app) => app.start(Flows, { workflowId }).order(workflowId).result())),
    );
    expect(outcomes).deep.equal(ids.flatMap((id) => [id, id, id, id]));
    expect((await engine.ledger()).sort()).deep.equal([...ids].sort());
    expect(gates.visits('body'), 'they met').greaterThan(50);
    await second.shutdown({ grace: 0 });
  });

  it('INTERLEAVING 20: a lookup that is answered after the shutdown begins nothing, and keeps no process busy', async () => {
    await using proxied = await Engine.start({ services: [Flows] }, { proxied: true });
    const lookup = proxied.proxy.add({
      on: 'request',
      is: executes(/from "apiary".workflow_status w where w.workflow_id = any/),
      fault: { kind: 'hold answer' },
    });
    const late = rejected(proxied.app.start(Flows, { workflowId: 'late' }).order('late').result());
    await lookup.hit;
    const down = proxied.app.shutdown({ grace: 0 });
    expect((await late).code).equal('SHUTTING_DOWN');
    lookup.release();
    await down;
    const { journal } = runningOf(proxied.app).executor;
    const turns = Array.from({ length: 100 }).reduce<Promise<void>>(
      (before) => before.then(() => new Promise((next) => setImmediate(next))),
      Promise.resolve(),
    );
    expect(await Promise.race([journal.idle().then(() => 'idle'), turns.then(() => 'busy for ever')])).equal('idle');
    expect([gates.visits('body'), await proxied.row('late')]).deep.equal([0, undefined]);
  });
});
