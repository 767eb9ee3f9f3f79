import { Service, Transaction, Workflow, sql } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, Trace } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Flows {
  @Transaction()
  async write(label: string): Promise<string> {
    await note(label);
    return label;
  }
  /** A unique key of the user's own that is checked when the transaction commits. */
  @Transaction()
  async twice(): Promise<string> {
    await gates.at('twice');
    if (gates.visits('twice') > 3) throw new Error('again and again');
    await sql`insert into own values (1), (1)`;
    return 'done';
  }
  @Workflow()
  async computes(label: string): Promise<string> {
    await this.write(label);
    await gates.at('computing');
    return label;
  }
  @Workflow()
  async catches(): Promise<string> {
    try {
      return await this.twice();
    } catch (error) {
      return `caught ${(error as { code?: string }).code} ${await this.write('compensated')}`;
    }
  }
}

describe('4.4, 4.5: whose rows they are', () => {
  let engine: Engine;
  const trace = new Trace();
  const voids = () => trace.of('run:void').map(({ workflowId }) => workflowId);
  before(async () => {
    const schema = 'create table own (v int unique deferrable initially deferred)';
    engine = await Engine.start({ services: [Flows] }, { schema, internals: { probe: trace.probe } });
  });
  after(() => engine.close());
  beforeEach(() => {
    gates.reset();
    trace.clear();
  });

  /** A workflow whose body stands behind its step, and of which nothing is left to write but the outcome. */
  async function computing(workflowId: string): Promise<{ readonly outcome: Promise<string> }> {
    gates.close('computing');
    const outcome = engine.app.start(Flows, { workflowId }).computes('mine').result();
    await gates.reached('computing');
    await until('the step is durable', async () => (await engine.records(workflowId)).length === 1);
    return { outcome };
  }

  it('4.4: an outcome is not written over the row of another owner that still runs it', async () => {
    const { outcome } = await computing('taken');
    await engine.admin.query(`update apiary.workflow_status set executor_id = 'B' where workflow_id = 'taken'`);
    gates.open('computing');
    await until('the run has ended', () => trace.of('run:recorded').length + voids().length > 0);
    expect(voids()).deep.equal(['taken']);
    expect(await engine.row('taken')).include({ status: 'PENDING', output: null, executor_id: 'B' });
    const theirs = (await engine.records('taken'))[0]?.output?.replace('mine', 'theirs');
    await engine.admin.query(`update apiary.workflow_status set status = 'SUCCESS', output = $1 where workflow_id = 'taken'`, [theirs]);
    expect(await outcome).equal('theirs');
  });

  it('4.4: an outcome of an earlier epoch is not written, on the same executor either', async () => {
    const { outcome } = await computing('resumed');
    const { rows } = await engine.admin.query<{ executor_id: string }>(
      `update apiary.workflow_status set epoch = epoch + 1 where workflow_id = 'resumed' returning executor_id`,
    );
    expect(rows).deep.equal([{ executor_id: runningOf(engine.app).executor.id }]);
    gates.open('computing');
    expect(await outcome).equal('mine');
    expect(voids()).deep.equal(['resumed']);
    expect(trace.of('run:started').map(({ epoch }) => epoch)).deep.equal([1, 2]);
    expect(await engine.ledger('resumed')).deep.equal(['mine']);
  });

  it("4.5: a unique key of the user's own that fails at COMMIT is the error of the step, and no sign of another run", async () => {
    expect(await engine.app.start(Flows, { workflowId: 'own' }).catches().result()).equal('caught 23505 compensated');
    expect(gates.visits('twice'), 'the first run was void; the second met the error in time').equal(2);
    expect(await engine.ledger('own')).deep.equal(['compensated']);
  });
});
