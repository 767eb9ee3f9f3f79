import { Communicator, Procedure, Service, Transaction, Workflow, sql, start, workflowId } from '@apiary/core';
import { expect } from 'chai';
import { Engine, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  @Transaction()
  async write(text: string): Promise<string> {
    await note(text);
    return `wrote ${text}`;
  }
  @Transaction()
  async increment(): Promise<number> {
    return (await sql<{ n: number }>`update spot set n = n + 1 returning n`.one()).n;
  }
  @Procedure()
  incrementOnce() {
    return sql<{ n: number }>`update spot set n = n + 1 returning n`.one();
  }
  @Communicator()
  async shout(text: string): Promise<string> {
    await gates.at('shout');
    return text.toUpperCase();
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async run(text: string, options: { readonly a?: number; readonly b?: number } = {}): Promise<string> {
    await gates.at('run');
    return `${await this.steps.write(text)}${options.a ?? ''}`;
  }
  @Workflow()
  async other(text: string): Promise<string> {
    return text;
  }
  @Workflow()
  async increment(): Promise<number> {
    return this.steps.increment();
  }
  @Workflow()
  async nested(): Promise<number> {
    return this.increment();
  }
  @Workflow()
  async child(text: string): Promise<string> {
    await this.steps.write(`child ${text}`);
    return `${workflowId()} ${text}`;
  }
  @Workflow()
  async parentOf(childId: string): Promise<string> {
    return start(Flows, { workflowId: childId }).child('shared').result();
  }
  @Workflow()
  async family(): Promise<string[]> {
    const first = await this.child('inline');
    const second = await start(Flows).child('started');
    await gates.at('family');
    return [first, await second.result()];
  }
}

@Service()
class OtherFlows {
  @Workflow()
  async run(text: string): Promise<string> {
    return text;
  }
}

describe('behaviours of workflow ids', () => {
  let engine: Engine;
  before(async () => {
    engine = await Engine.start({ services: [Flows, OtherFlows] });
  });
  after(() => engine.close());
  beforeEach(async () => {
    gates.reset();
    await engine.clear();
  });
  const run = (id: string, text = 'x') => engine.app.start(Flows, { workflowId: id }).run(text).result();

  it('BEHAVIOUR 1: an id that is run again gives the first result, and its steps ran once; without an id each call is a new run', async () => {
    expect(await run('b1')).equal('wrote x');
    expect(await run('b1')).equal('wrote x');
    const handle = await engine.app.start(Flows, { workflowId: 'b1' }).run('x');
    expect(await handle.result()).equal('wrote x');
    expect([gates.visits('run'), await engine.ledger('b1')]).deep.equal([1, ['x']]);
    await engine.app.get(Flows).run('x');
    await engine.app.get(Flows).run('x');
    await engine.app.start(Flows, { workflowId: undefined }).run('x').result();
    expect(await engine.ledger()).deep.equal(['x', 'x', 'x', 'x']);
  });

  it('BEHAVIOUR 2: concurrent starts with one id share one run, all callers get its result', async () => {
    gates.close('run');
    const handles = Promise.all([1, 2, 3].map(() => engine.app.start(Flows, { workflowId: 'b2' }).run('x')));
    const results = [1, 2, 3].map(() => run('b2'));
    await gates.reached('run');
    gates.open('run');
    expect(await Promise.all(results)).deep.equal(['wrote x', 'wrote x', 'wrote x']);
    expect(await Promise.all((await handles).map((h) => h.result()))).deep.equal(['wrote x', 'wrote x', 'wrote x']);
    expect([gates.visits('run'), await engine.ledger('b2')]).deep.equal([1, ['x']]);
  });

  it('BEHAVIOUR 2: two processes that race with one new id run its effects once', async () => {
    const other = await engine.another();
    const apps = [engine.app, other, engine.app, other];
    expect(await Promise.all(apps.map((app) => app.start(Flows, { workflowId: 'b2-race' }).run('x').result()))).deep.equal(Array(4).fill('wrote x'));
    expect(await engine.ledger('b2-race')).deep.equal(['x']);
    await other.shutdown({ grace: 0 });
  });

  it('BEHAVIOUR 3: the id of another function, or of a class of another name, is a CONFLICT that names both', async () => {
    await run('b3');
    const method = await rejected(engine.app.start(Flows, { workflowId: 'b3' }).other('x').result());
    expect([method.code, method.details]).deep.equal(['CONFLICT', { stored: 'Flows.run', given: 'Flows.other', field: 'function' }]);
    const type = await rejected(
      engine.app
        .start(OtherFlows, { workflowId: 'b3' })
        .run('x')
        .then((h) => h.result()),
    );
    expect([type.code, type.details]).deep.equal(['CONFLICT', { stored: 'Flows.run', given: 'OtherFlows.run', field: 'function' }]);
    expect(await engine.ledger('b3')).deep.equal(['x']);
  });

  it('BEHAVIOUR 4: a child with a fixed id that two parents start runs once, and both see its result', async () => {
    const parents = await Promise.all([engine.app.get(Flows).parentOf('b4'), engine.app.get(Flows).parentOf('b4')]);
    expect(parents).deep.equal(['b4 shared', 'b4 shared']);
    expect(await engine.ledger('b4')).deep.equal(['child shared']);
    expect(await engine.app.get(Flows).parentOf('b4'), 'a third, after its end').equal('b4 shared');
    expect(await engine.ledger('b4')).deep.equal(['child shared']);
  });

  it('BEHAVIOUR 5: children have the id of the parent and the step; a replay of the parent finds the same children', async () => {
    gates.close('family');
    const parent = await engine.app.start(Flows, { workflowId: 'b5' }).family();
    await gates.reached('family');
    await engine.app.handle('b5-1').result();
    expect((await parent.steps()).map((s) => s.childId)).deep.equal(['b5-0', 'b5-1']);
    // A second executor replays the parent, as after a crash.
    const other = await engine.another();
    await engine.admin.query(
      `insert into apiary.executor (executor_id, lock_key, name, app_version, lease_until, fenced) values ('gone', 1, 'gone', 'test', now(), true)`,
    );
    await engine.admin.query(`update apiary.workflow_status set executor_id = 'gone' where workflow_id = 'b5'`);
    await gates.reached('family', 2);
    gates.open('family');
    expect(await other.handle('b5').result()).deep.equal(['b5-0 inline', 'b5-1 started']);
    expect(await engine.ledger()).deep.equal(['child inline', 'child started']);
    expect(
      (await engine.admin.query(`select workflow_id from apiary.workflow_status where workflow_id like 'b5%' order by 1`)).rows.map(
        (r: { workflow_id: string }) => r.workflow_id,
      ),
    ).deep.equal(['b5', 'b5-0', 'b5-1']);
    await other.shutdown({ grace: 0 });
  });

  it('BEHAVIOUR 67: one id run three times gives one value and one effect, for every kind of function', async () => {
    await engine.admin.query(`insert into spot values ('a', 0)`);
    const thrice = async (one: () => Promise<unknown>): Promise<unknown[]> => [await one(), await one(), await one()];
    expect(await thrice(() => engine.app.start(Flows, { workflowId: 'b67-workflow' }).increment().result())).deep.equal([1, 1, 1]);
    expect(await thrice(() => engine.app.start(Steps, { workflowId: 'b67-transaction' }).increment().result())).deep.equal([2, 2, 2]);
    const procedure = engine.app.start(Steps, { workflowId: 'b67-procedure' }) as unknown as { incrementOnce(): { result(): Promise<unknown> } };
    expect(await thrice(() => procedure.incrementOnce().result())).deep.equal([{ n: 3 }, { n: 3 }, { n: 3 }]);
    expect(await thrice(() => engine.app.start(Flows, { workflowId: 'b67-nested' }).nested().result())).deep.equal([4, 4, 4]);
    expect(await thrice(() => engine.app.start(Steps, { workflowId: 'b67-communicator' }).shout('x').result())).deep.equal(['X', 'X', 'X']);
    expect(gates.visits('shout')).equal(1);
  });

  it('BEHAVIOUR 67: ids 10, 11, 12, 12 on an increment give 1, 2, 3, 3, directly and through nested calls', async () => {
    await engine.admin.query(`insert into spot values ('a', 0)`);
    const ids = ['10', '11', '12', '12'];
    const results = [];
    for (const id of ids) results.push(await engine.app.start(Steps, { workflowId: id }).increment().result());
    for (const id of ids)
      results.push(
        await engine.app
          .start(Flows, { workflowId: `nested ${id}` })
          .nested()
          .result(),
      );
    expect(results).deep.equal([1, 2, 3, 3, 4, 5, 6, 6]);
    expect((await engine.admin.query('select n from spot')).rows).deep.equal([{ n: 6 }]);
  });

  it('BEHAVIOUR 72: the id of a run with other input is a CONFLICT that names both, while it runs and after its end', async () => {
    gates.close('run');
    const first = await engine.app.start(Flows, { workflowId: 'b72' }).run('mine', { a: 1, b: 2 });
    await gates.reached('run');
    const during = await rejected(engine.app.start(Flows, { workflowId: 'b72' }).run('theirs').result());
    expect([during.code, during.details?.['field']]).deep.equal(['CONFLICT', 'input']);
    const same = engine.app.start(Flows, { workflowId: 'b72' }).run('mine', { b: 2, a: 1 }).result(); // keys in another order are the same input
    gates.open('run');
    expect([await first.result(), await same]).deep.equal(['wrote mine1', 'wrote mine1']);
    const after = await rejected(engine.app.start(Flows, { workflowId: 'b72' }).run('theirs').result());
    expect(after.code).equal('CONFLICT');
    expect(after.message).contain('mine').contain('theirs');
    expect(await engine.app.start(Flows, { workflowId: 'b72' }).run('mine', { b: 2, a: 1 }).result()).equal('wrote mine1');
    expect(await engine.ledger('b72')).deep.equal(['mine']);
  });

  it('BEHAVIOUR 72: a caller with the wrong input, or function, takes nothing from the right one that calls at the same time', async () => {
    await run('b72-two', 'mine');
    const wrong = rejected(run('b72-two', 'theirs'));
    const other = rejected(engine.app.start(OtherFlows, { workflowId: 'b72-two' }).run('mine').result());
    const right = run('b72-two', 'mine');
    expect(await right).equal('wrote mine');
    expect([(await wrong).code, (await other).code]).deep.equal(['CONFLICT', 'CONFLICT']);
    // The same where the run is under way in another process.
    gates.close('run');
    const elsewhere = await engine.another();
    await elsewhere.start(Flows, { workflowId: 'b72-three' }).run('mine', { a: 1, b: 2 });
    await gates.reached('run', 2);
    const later = rejected(run('b72-three', 'theirs'));
    const joined = [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ].map((options) => engine.app.start(Flows, { workflowId: 'b72-three' }).run('mine', options).result());
    expect((await later).code).equal('CONFLICT');
    gates.open('run');
    expect(await Promise.all(joined)).deep.equal(['wrote mine1', 'wrote mine1']);
    await elsewhere.shutdown({ grace: 0 });
  });

  it('BEHAVIOUR 72: of two new calls with one id and different input one runs, the other is told', async () => {
    const both = await Promise.allSettled([run('b72-new', 'one'), run('b72-new', 'two')]);
    expect(both.map((r) => r.status)).deep.equal(['fulfilled', 'rejected']);
    expect(await engine.ledger('b72-new')).deep.equal(['one']);
  });
});
