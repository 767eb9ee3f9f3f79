import { Service, Transaction, Workflow, sql } from '@apiary/core';
import { commits, crash, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { resetCautions } from '../support/cautions.js';
import { Engine, note, Trace } from '../support/engine.js';
import { FailingCommits } from '../support/failing-commits.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  @Transaction()
  async write(label: string): Promise<string> {
    await gates.at(`begin ${label}`);
    await note(label);
    await gates.at(`end ${label}`);
    return label;
  }
  @Transaction()
  async orphan(): Promise<string> {
    await sql`insert into child values (1)`;
    return 'orphan';
  }
  /** Takes the user's lock late, or early. */
  @Transaction()
  async locks(label: string, when: 'late' | 'early'): Promise<string> {
    if (when === 'early') await sql`update spot set n = n + 1`;
    await note(label);
    await gates.at(`middle ${label}`);
    if (when === 'late') await sql`update spot set n = n + 1`;
    return label;
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async both(): Promise<string[]> {
    return Promise.all([this.steps.write('T1'), this.steps.write('T2')]);
  }
  @Workflow()
  async carrierFails(how: 'write' | 'orphan'): Promise<string[]> {
    const one = how === 'write' ? this.steps.write('T1') : this.steps.orphan();
    await gates.at('second');
    return Promise.all([one.catch((error: { code?: string }) => `caught ${error.code}`), this.steps.write('T2')]);
  }
  @Workflow()
  async crossed(first: 'late' | 'early'): Promise<string[]> {
    return Promise.all([this.steps.locks('T1', first), this.steps.locks('T2', first === 'late' ? 'early' : 'late')]);
  }
  @Workflow()
  async besideChild(): Promise<string[]> {
    return Promise.all([this.child(), this.steps.locks('T2', 'early')]);
  }
  @Workflow()
  async child(): Promise<string> {
    return this.steps.locks('T1', 'late');
  }
}

describe('INTERLEAVING 4a: two transactions at once, one has committed, the process dies', () => {
  beforeEach(() => gates.reset());
  for (const [first, other] of [
    ['T1', 'T2'],
    ['T2', 'T1'],
  ] as const) {
    it(`INTERLEAVING 4a: ${first} commits, then the end: its workflow can be found, and ends with each effect once`, async () => {
      await using engine = await Engine.start({ services: [Flows], lease: '500 ms', poll: '50 ms' });
      gates.close('end T1', 'end T2');
      void engine.app
        .start(Flows, { workflowId: 'w' })
        .both()
        .result()
        .catch(() => {});
      await gates.reached('end T1');
      await gates.reached('end T2');
      gates.open(`end ${first}`);
      await until('the first one has committed', async () => (await engine.ledger()).length === 1);
      await engine.expectEffectsRecorded();
      await crash(engine.app);
      expect([await engine.ledger(), (await engine.row('w'))?.status]).deep.equal([[first], 'PENDING']);
      gates.open(`end ${other}`);
      const second = await engine.another();
      expect(await second.handle('w').result()).deep.equal(['T1', 'T2']);
      expect((await engine.ledger()).sort()).deep.equal(['T1', 'T2']);
    });
  }
});

describe('INTERLEAVING 4b and 4c', () => {
  let engine: Engine;
  let faults: FailingCommits;
  const trace = new Trace();
  before(async () => {
    engine = await Engine.start(
      { services: [Flows] },
      {
        proxied: true,
        internals: { probe: trace.probe },
        schema: 'create table parent (id int primary key); create table child (parent int references parent deferrable initially deferred);',
      },
    );
    faults = await FailingCommits.install(engine.admin);
  });
  after(() => engine.close());
  beforeEach(async () => {
    await engine.clear();
    await faults.failNone();
    await engine.admin.query(`insert into spot values ('u', 0)`);
    gates.reset();
    trace.clear();
    resetCautions(engine.app);
  });
  afterEach(async () => {
    gates.reset();
    await engine.proxy.heal();
    await engine.expectEffectsRecorded();
  });

  for (const [how, what] of [
    ['write', 'a serialization failure'],
    ['orphan', "an error of the user's at COMMIT"],
  ] as const) {
    it(`INTERLEAVING 4b: the flight that carries the start row fails (${what}) while a sibling waits for it: neither loses to the other`, async () => {
      if (how === 'write') await faults.fail('40001', 1);
      gates.close('second');
      const held = engine.proxy.add({ on: 'request', is: commits, fault: { kind: 'hold request' } });
      const outcome = engine.app
        .start(Flows, { workflowId: `w-${how}` })
        .carrierFails(how)
        .result();
      const hit = await held.hit;
      expect(hit.statements.some((text) => text.includes('workflow_status'))).equal(true);
      gates.open('second');
      await gates.reached('second');
      expect(gates.visits('begin T2'), 'the sibling waits before its BEGIN').equal(0);
      held.release();
      expect(await outcome).deep.equal([how === 'write' ? 'T1' : 'caught 23503', 'T2']);
      expect((await engine.ledger()).sort()).deep.equal(how === 'write' ? ['T1', 'T2'] : ['T2']);
      expect((await engine.records(`w-${how}`)).map((r) => r.step_id)).deep.equal(['0', '1']);
    });
  }

  for (const first of ['late', 'early'] as const) {
    it(`INTERLEAVING 4c: one of two at once holds a user's lock that the other needs (${first} first): no wait in the process closes the circle`, async () => {
      gates.close('middle T1', 'middle T2');
      const outcome = engine.app
        .start(Flows, { workflowId: `c-${first}` })
        .crossed(first)
        .result();
      const [holder, needer] = first === 'late' ? ['T2', 'T1'] : ['T1', 'T2'];
      await gates.reached(`middle ${holder}`);
      await gates.reached(`middle ${needer}`);
      // Who needs the lock waits for it in the database; who holds it comes to its end, and must wait for nothing of the other.
      gates.open(`middle ${needer}`);
      await until(
        'it waits for the lock',
        async () => (await engine.admin.query(`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).rowCount === 1,
      );
      gates.open(`middle ${holder}`);
      expect(await outcome).deep.equal(['T1', 'T2']);
      expect((await engine.ledger()).sort()).deep.equal(['T1', 'T2']);
      expect((await engine.admin.query('select n from spot')).rows).deep.equal([{ n: 2 }]);
    });
  }

  it('INTERLEAVING 4c: the same with a child beside a transaction', async () => {
    gates.close('middle T1');
    const outcome = engine.app.start(Flows, { workflowId: 'c-child' }).besideChild().result();
    await gates.reached('middle T1');
    // The sibling ends though the child's transaction is open.
    await until('T2 has committed', async () => (await engine.ledger()).includes('T2'));
    gates.open('middle T1');
    expect(await outcome).deep.equal(['T1', 'T2']);
  });
});
