import { Communicator, Service, Transaction, Workflow, sql, start, workflowId } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, Trace } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  @Transaction({ readOnly: true })
  async read(): Promise<number> {
    return (await sql<{ n: number }>`select n from spot`.one()).n;
  }
  @Communicator()
  async call(): Promise<string> {
    await gates.at('B calls out');
    return 'called';
  }
  @Transaction()
  async write(label: string): Promise<string> {
    await note(label);
    return label;
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  /** What it does depends on what it read, and nothing of that is durable yet. */
  @Workflow()
  async branches(): Promise<string> {
    const n = await this.steps.read();
    await gates.at(`read ${n}`);
    if (n < 100) return this.steps.call();
    await start(Flows, { workflowId: `${workflowId()}-child` }).message();
    return 'started';
  }
  @Workflow()
  async message(): Promise<string> {
    return this.steps.write('message');
  }
}

describe('INTERLEAVING 5: two live runs of one workflow that read different things', () => {
  it("INTERLEAVING 5: the history is one run's, whole: the other one is void at its first barrier and observes", async () => {
    const trace = new Trace();
    await using engine = await Engine.start({ services: [Flows], poll: '50 ms' }, { internals: { probe: trace.probe } });
    await engine.admin.query(`insert into spot values ('s', 100)`);
    gates.close('read 100', 'B calls out');
    const handle = await engine.app.start(Flows, { workflowId: 'w' }).branches();
    const outcome = handle.result();
    await gates.reached('read 100');
    // Without a fence: B has the row, A has not noticed.
    await engine.admin.query('update spot set n = 90');
    const second = await engine.another();
    await engine.admin.query(`update apiary.workflow_status set executor_id = $1, epoch = epoch + 1 where workflow_id = 'w'`, [runningOf(second).executor.id]);
    await gates.reached('B calls out');
    expect(
      (await engine.records('w')).map((r) => r.executor_id),
      'what B read is durable before it calls out',
    ).deep.equal([runningOf(second).executor.id]);
    gates.open('read 100');
    await gates.reached('read 90');
    // A is void: it sends nothing. Its barrier meets B's record.
    await until('A is void', () => trace.of('run:void').length === 1);
    expect(await engine.row('w-child')).equal(undefined);
    gates.open('B calls out');
    expect(await Promise.all([outcome, second.handle('w').result()])).deep.equal(['called', 'called']);
    expect((await engine.records('w')).map((r) => [r.step_id, r.name, r.executor_id])).deep.equal([
      ['0', 'Steps.read', runningOf(second).executor.id],
      ['1', 'Steps.call', runningOf(second).executor.id],
    ]);
    expect([await engine.row('w-child'), await engine.ledger()]).deep.equal([undefined, []]);
  });
});
