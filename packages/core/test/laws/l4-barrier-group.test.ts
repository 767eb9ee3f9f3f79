import { Communicator, Service, Transaction, Workflow, randomUUID, sleep, sql, workflowId } from '@apiary/core';
import { executes } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, rejected, Trace } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  /** Its record is too long to travel in the row of its workflow. */
  @Transaction({ readOnly: true })
  async read(): Promise<{ n: number; page: string }> {
    return { ...(await sql<{ n: number }>`select count(*)::int as n from spot`.one()), page: 'x'.repeat(2000) };
  }
  @Transaction()
  async write(label: string): Promise<string> {
    await note(label);
    return label;
  }
  @Communicator()
  async call(label: string): Promise<string> {
    await gates.at(label);
    return label;
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  /** Its first barrier carries the start rows of both, three records of the parent's and two of its own. */
  @Workflow()
  async parent(): Promise<string> {
    const { n } = await this.steps.read();
    const uuid = randomUUID();
    return `${n}${uuid.length}${await this.child()}`;
  }
  @Workflow()
  async child(): Promise<string> {
    const { n } = await this.steps.read();
    await gates.at('before the barrier');
    return `${n}${await this.steps.call('out')}`;
  }
  @Workflow()
  async parentOfWriter(): Promise<string> {
    const { n } = await this.steps.read();
    return `${n}${await this.writer()}`;
  }
  @Workflow()
  async writer(): Promise<string> {
    await this.steps.read();
    await gates.at('before the barrier');
    return this.steps.write(workflowId());
  }
  @Workflow()
  async sleeper(): Promise<number> {
    const { n } = await this.steps.read();
    await gates.at('before the barrier');
    await sleep(5);
    return n;
  }
}

const foreign = (
  id: string,
  step: string,
) => `insert into apiary.function_record (workflow_id, step_id, name, kind, executor_id, epoch, started_at, completed_at)
  values ('${id}', '${step}', 'Somebody.elses', 'value', 'somebody else', 7, 0, 0)`;

describe('L4: one barrier group, one carrier, all or nothing', () => {
  let engine: Engine;
  const trace = new Trace();
  before(async () => {
    engine = await Engine.start({ services: [Flows] }, { internals: { probe: trace.probe }, proxied: true });
  });
  after(() => engine.close());
  beforeEach(async () => {
    await engine.clear();
    await engine.admin.query('truncate apiary.function_record, apiary.workflow_status');
    gates.reset();
    trace.clear();
  });

  const ids = async (): Promise<string[]> =>
    (await engine.admin.query<{ id: string }>(`select workflow_id as id from apiary.workflow_status order by length(workflow_id)`)).rows.map((r) => r.id);
  const steps = async (id: string): Promise<string[]> => (await engine.records(id)).map((r) => `${r.step_id} ${r.name}`);

  it('L4: the rows of a whole chain become durable in one commit of the journal', async () => {
    gates.close('out');
    const running = engine.app.start(Flows, { workflowId: 'p' }).parent().result();
    await gates.reached('out');
    expect(await ids()).deep.equal(['p', 'p-2']);
    expect([await steps('p'), await steps('p-2')]).deep.equal([['0 Steps.read', '1 randomUUID'], ['0 Steps.read']]);
    const { rows } = await engine.admin.query(
      'select distinct xid from (select xid from apiary.workflow_status union all select xid from apiary.function_status) x',
    );
    expect(rows.length, 'transactions').equal(1);
    gates.open('out');
    expect(await running).equal('0360out');
  });

  it('L4: the rows of a whole chain become durable in the commit of a transaction', async () => {
    expect(await engine.app.start(Flows, { workflowId: 'p' }).parentOfWriter().result()).equal('0p-1');
    const { rows } = await engine.admin.query(`select distinct xid from (select xid from apiary.workflow_status union all
      select xid from apiary.function_status where (workflow_id, step_id) <> ('p', '1') union all select xid from ledger) x`);
    expect(rows.length, 'transactions').equal(1);
  });

  for (const [method, id, loses, by] of [
    ['parent', 'p-2', 'p-2', 'the journal'],
    ['parentOfWriter', 'p-1', 'p', 'a final flight'],
  ] as const) {
    it(`L4: a group of ${by} one row of which belongs to somebody else leaves nothing: no start, no record, no effect`, async () => {
      gates.close('before the barrier');
      const running = engine.app.start(Flows, { workflowId: 'p' })[method]().result();
      await gates.reached('before the barrier');
      expect([await ids(), await steps('p'), await steps(id)]).deep.equal([[], [], []]);
      // The last row of the group: everything before it was inserted already when it fails.
      await engine.admin.query(foreign(loses, '0'));
      gates.open('before the barrier');
      gates.close('before the barrier');
      await gates.reached('before the barrier', 2);
      expect(trace.of('run:void').length, 'the run that lost a row is void').greaterThan(0);
      const lost = (await engine.admin.query(`select workflow_id || ' ' || step_id || ' ' || name as row from apiary.function_status`)).rows;
      expect([await ids(), lost, await engine.ledger()]).deep.equal([[], [{ row: `${loses} 0 Somebody.elses` }], []]);
      await engine.admin.query('delete from apiary.function_record');
      gates.open('before the barrier');
      expect(await running).match(/^0/);
      expect(await ids()).deep.equal(['p', id]);
    });
  }

  it("L4: a group whose sleep is somebody else's leaves nothing of it", async () => {
    gates.close('before the barrier');
    const running = engine.app.start(Flows, { workflowId: 's' }).sleeper().result();
    await gates.reached('before the barrier');
    await engine.admin.query(foreign('s', '1'));
    gates.open('before the barrier');
    gates.close('before the barrier');
    await gates.reached('before the barrier', 2);
    expect([await ids(), await steps('s')]).deep.equal([[], ['1 Somebody.elses']]);
    await engine.admin.query('delete from apiary.function_record');
    gates.open('before the barrier');
    expect(await running).equal(0);
    expect(await steps('s')).deep.equal(['0 Steps.read', '1 sleep']);
  });

  it('L4: a run that loses its start row is void, reads again, and gives its callers what the winner did', async () => {
    gates.close('before the barrier');
    const running = engine.app.start(Flows, { workflowId: 'lost' }).writer().result();
    await gates.reached('before the barrier');
    const second = await engine.another();
    const theirs = second.start(Flows, { workflowId: 'lost' }).writer().result();
    await gates.reached('before the barrier', 2);
    const held = engine.proxy.add({ on: 'request', is: executes(/^commit$/), fault: { kind: 'hold request' } });
    gates.open('before the barrier');
    expect(await theirs, 'the second executor wins').equal('lost');
    await held.hit;
    held.release();
    expect(await running).equal('lost');
    expect(trace.of('run:void').map((v) => v.workflowId)).deep.equal(['lost']);
    expect(await engine.ledger()).deep.equal(['lost']);
    await second.shutdown({ grace: 0 });
  });

  it('L4: the loser of an id whose winner has other input gets CONFLICT, and the right input is served after that', async () => {
    gates.close('before the barrier');
    const running = rejected(engine.app.start(Flows, { workflowId: 'clash' }).writer().result());
    await gates.reached('before the barrier');
    await engine.admin.query(`insert into apiary.workflow_status (workflow_id, name, kind, status, input, input_hash, output, executor_id, app_version)
      values ('clash', 'Flows.sleeper', 'workflow', 'SUCCESS', '[]', (select md5('x')), '1', 'somebody else', 'other')`);
    gates.open('before the barrier');
    expect(await running).include({ code: 'CONFLICT' });
    expect(await engine.ledger()).deep.equal([]);
    expect(await engine.row('clash')).include({ name: 'Flows.sleeper', status: 'SUCCESS' });
    // The loser leaves nothing behind that would answer for the winner.
    await engine.admin.query(`delete from apiary.workflow_status`);
    expect(await engine.app.start(Flows, { workflowId: 'clash' }).sleeper().result()).equal(0);
  });
});
