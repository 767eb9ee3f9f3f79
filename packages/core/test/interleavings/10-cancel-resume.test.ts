import { Communicator, Service, Transaction, Workflow, sleep } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { crash, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, rejected, Trace } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
let bodies = 0;

@Service()
class Steps {
  @Transaction()
  async write(label: string): Promise<string> {
    await note(label);
    return label;
  }
  @Communicator()
  async stuck(): Promise<string> {
    await gates.at('communicator');
    return 'called';
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  /** It does not listen to its signal. */
  @Workflow()
  async stubborn(): Promise<string> {
    const mine = ++bodies;
    await this.steps.write('first');
    await gates.at(`stuck ${mine}`);
    return `run ${mine}`;
  }
  @Workflow()
  async calls(): Promise<string> {
    await this.steps.stuck();
    return this.steps.write('after');
  }
  @Workflow()
  async sleeps(): Promise<string> {
    await this.steps.write('before');
    await sleep('1 day');
    return this.steps.write('after');
  }
}

describe('INTERLEAVING 10: cancel, resume, and a first body that does not end', () => {
  beforeEach(() => {
    gates.reset();
    bodies = 0;
  });

  it('INTERLEAVING 10: the late outcome of the first run does not touch the second one, on the same executor', async () => {
    const trace = new Trace();
    await using engine = await Engine.start({ services: [Flows] }, { internals: { probe: trace.probe } });
    gates.close('stuck 1', 'stuck 2');
    const handle = await engine.app.start(Flows, { workflowId: 'w' }).stubborn();
    const outcome = handle.result();
    await gates.reached('stuck 1');
    await until('the first step is durable', async () => (await engine.records('w')).length === 1);
    // Somebody ended it, though this executor still runs it.
    await engine.admin.query(`update apiary.workflow_status set status = 'CANCELLED', cancel_requested = true where workflow_id = 'w'`);
    await handle.resume();
    await gates.reached('stuck 2');
    expect(await engine.row('w')).include({ status: 'PENDING', epoch: 2 });
    gates.open('stuck 1');
    for (let i = 0; i < 3; i++) await engine.app.get(Steps).write('other');
    expect(await engine.row('w')).include({ status: 'PENDING', epoch: 2, output: null });
    gates.open('stuck 2');
    expect(await outcome).equal('run 2');
    expect(await engine.row('w')).include({ status: 'SUCCESS', epoch: 2 });
    expect(await engine.ledger('w'), 'the recorded step did not run again').deep.equal(['first']);
    expect(trace.of('run:void').map((v) => v.workflowId)).deep.equal(['w']);
  });

  it('INTERLEAVING 10: a cancelled workflow that runs is a request: resume changes nothing before its body has ended', async () => {
    await using engine = await Engine.start({ services: [Flows] });
    gates.close('communicator');
    const handle = await engine.app.start(Flows, { workflowId: 'w' }).calls();
    await gates.reached('communicator');
    await handle.cancel();
    await handle.resume();
    expect(gates.visits('communicator')).equal(1);
    expect(await engine.row('w')).include({ status: 'PENDING', epoch: 1 });
    gates.open('communicator');
    expect(await rejected(handle.result())).include({ code: 'CANCELLED' });
    await handle.resume();
    expect(await engine.app.handle('w').result()).equal('after');
    expect([await engine.ledger(), gates.visits('communicator')], 'what was recorded is not called again').deep.equal([['after'], 1]);
  });

  it('INTERLEAVING 10: a cancel that is open while another executor claims: the claim waits for it, and honours it', async () => {
    await using engine = await Engine.start({ services: [Flows], lease: '400 ms', poll: '50 ms' });
    gates.close('stuck 1');
    await engine.app.start(Flows, { workflowId: 'w' }).stubborn();
    await gates.reached('stuck 1');
    await until('the first step is durable', async () => (await engine.records('w')).length === 1);
    await crash(engine.app);
    const sql = runningOf(engine.app).executor.store.sql.cancel;
    await engine.admin.query('begin');
    await engine.admin.query(sql, [['w'], ['x'], 0]);
    const second = await engine.another();
    const watcher = await engine.another();
    await until('the claim waits for the cancel', async () => {
      const waiting = await watcher.knex.raw(
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like 'with waiting%'`,
      );
      return waiting.rows.length > 0;
    });
    expect(bodies).equal(1);
    await engine.admin.query('commit');
    gates.open('stuck 1');
    // The body has no step left that could honour it: it keeps its value; the request is known to the run all the same.
    expect(await Promise.race([second.handle('w').result(), watcher.handle('w').result()])).equal('run 2');
    expect(await engine.row('w')).include({ status: 'SUCCESS', epoch: 2 });
  });

  it('INTERLEAVING 10: cancel and wake-up of a parked workflow race for its row: one of them has it, never both', async () => {
    await using engine = await Engine.start({ services: [Flows], poll: '50 ms' });
    for (let i = 0; i < 10; i++) {
      const id = `p${i}`;
      await engine.app.start(Flows, { workflowId: id }).sleeps();
      await until('it is parked', async () => (await engine.row(id))?.executor_id === null);
      await engine.admin.query(`update apiary.workflow_status set wake_at = clock_timestamp() where workflow_id = $1`, [id]);
      const outcome = engine.app
        .handle<string>(id)
        .result()
        .catch((error: { code: string }) => error.code);
      const cancelled = engine.app.handle(id).cancel();
      const woken = runningOf(engine.app).poll.wake();
      await Promise.all([cancelled, woken]);
      // Woken first it may have passed its last step when the request came; then it keeps its value.
      const told = await outcome;
      const status = (await engine.row(id))?.status;
      const steps = await engine.ledger(id);
      expect([told, status, steps], id).to.deep.oneOf([
        ['CANCELLED', 'CANCELLED', ['before']],
        ['after', 'SUCCESS', ['before', 'after']],
      ]);
    }
  });
});
