import { expect } from 'chai';
import { stopProcess, until } from '@apiary/testing/internal';
import { Flows } from '../support/recovery/flows.js';
import { gates } from '../support/recovery/gates.js';
import { Setting, executorOf, settledIn, startIn } from '../support/recovery/setting.js';

describe('L8: no effect of a superseded executor after the takeover', function () {
  this.timeout(120_000);
  let on: Setting;
  beforeEach(async () => {
    on = await Setting.make();
  });
  afterEach(() => on[Symbol.asyncDispose]());

  for (const isolation of ['serializable', 'repeatable read', 'read committed'] as const) {
    it(`L8: SIGSTOP in an open transaction (${isolation}), takeover, SIGCONT: its late COMMIT does not happen`, async () => {
      const here = await on.launch();
      const zombie = await on.child();
      startIn(zombie, 'stopsInTransaction', 'w', isolation, 'inside');
      const point = await zombie.point('inside');
      const stopped = await stopProcess(zombie.pid);
      expect(stopped.states).to.not.include('R');
      const open = await on.query<{ state: string }>(
        `select state from pg_stat_activity where datname = current_database() and query like 'insert into effect%' and state = 'idle in transaction'`,
      );
      expect(open, 'its transaction has written and is open').to.have.length(1);

      gates.open('inside');
      expect((await on.ended('w')).status).to.equal('SUCCESS');
      await stopped.continue();
      point.continue(); // it returns from its function and would commit now
      expect((await settledIn(zombie, 'w')).value, 'its caller is told what the other executor did').to.equal('told last');
      expect(await on.effects('w')).to.deep.equal([{ workflow_id: 'w', step: 'inside', pid: process.pid }]);
      expect(on.witness.calls('last').map((call) => call.detail)).to.deep.equal([process.pid]);
      expect((await on.workflow('w'))?.executor_id).to.equal(executorOf(here).id);
    });
  }

  it('L8: SIGSTOP in a workflow that is one commit: nobody had its row, so it runs again in its own process, once', async () => {
    await on.launch();
    const zombie = await on.child();
    // The whole workflow is one commit: until then there is no row for anybody to claim.
    startIn(zombie, 'good', 'w', 'gate');
    const point = await zombie.point('gate');
    const stopped = await stopProcess(zombie.pid);
    await on.expire(zombie.executorId);
    await until('it is superseded', async () => (await on.executor(zombie.executorId)).fenced);
    await stopped.continue();
    point.continue();
    (await zombie.point('gate')).continue(); // the run under its new id
    expect(await settledIn(zombie, 'w')).to.deep.equal({ workflowId: 'w', value: 'good' });
    expect(await on.effects('w')).to.deep.equal([{ workflow_id: 'w', step: 'good', pid: zombie.pid }]);
    expect((await on.workflow('w'))?.executor_id).to.not.equal(zombie.executorId);
  });

  it('INTERLEAVING 16: SIGSTOP after a durable step, takeover, SIGCONT: the superseded executor does not call out', async () => {
    await on.launch();
    const zombie = await on.child();
    startIn(zombie, 'stopsThenTells', 'w', 'gate');
    const point = await zombie.point('gate');
    expect(await on.records('w'), 'nothing is left to flush').to.deep.equal(['0 Effects.write', '1 sleep']);
    const stopped = await stopProcess(zombie.pid);
    gates.open('gate');
    expect((await on.ended('w')).status).to.equal('SUCCESS');
    point.continue(); // in its pipe when it wakes up: the body goes on before any answer of the database
    await stopped.continue();
    expect((await settledIn(zombie, 'w')).value).to.equal('told after the gate');
    expect(on.witness.calls('after the gate').map((call) => call.detail)).to.deep.equal([process.pid]);
    expect(await on.steps('w')).to.deep.equal(['before']);

    // It lives on under another id.
    startIn(zombie, 'writes', 'v', 'x', 'y');
    expect((await settledIn(zombie, 'v')).value).to.equal(2);
    const [row] = await on.query<{ executor_id: string; fenced: boolean }>(
      `select executor_id, fenced from apiary.executor where executor_id = (select executor_id from apiary.workflow_status where workflow_id = 'v')`,
    );
    expect(row?.fenced).to.equal(false);
    expect(row?.executor_id).to.not.equal(zombie.executorId);
  });

  it('4.6: a fenced executor that lives voids its runs, registers anew and goes on: with a row, callers observe; without, it runs again', async () => {
    const voided: string[] = [];
    const zombie = await on.launch({}, { probe: (point, detail) => point === 'run:void' && voided.push((detail as { workflowId: string }).workflowId) });
    const old = executorOf(zombie).id;
    const withRow = zombie.start(Flows, { workflowId: 'with-row' }).stops('row').result();
    const without = zombie.start(Flows, { workflowId: 'without' }).good('none').result();
    await gates.reached('row');
    await gates.reached('none');
    expect(await on.workflow('without')).to.equal(undefined);

    // Fenced by hand, as another observer would, and then seen by its own poll.
    await on.query('update apiary.executor set fenced = true where executor_id = $1', [old]);
    await until('it has another id', () => executorOf(zombie).id !== old);
    gates.open('none');
    expect(await without).to.equal('good');
    expect((await on.workflow('without'))?.executor_id).to.equal(executorOf(zombie).id);
    expect(await on.steps('without')).to.deep.equal(['good']);
    gates.open('row');
    expect(await withRow, 'claimed from the old id by whoever is there, here itself').to.equal('done');
    expect(await on.steps('with-row')).to.deep.equal(['before', 'after']);
    expect(voided).to.include.members(['with-row', 'without']);
    expect(await on.workflow('with-row')).to.include({ epoch: 2, executor_id: executorOf(zombie).id });
    await until('nothing of the old one is left', async () => (await on.executor(old)).settled);
  });

  it('4.6: start rows of an executor that registers anew wait until its new id exists', async () => {
    const zombie = await on.launch();
    const old = executorOf(zombie).id;
    await on.query('update apiary.executor set fenced = true where executor_id = $1', [old]);
    // Registering is held up: the table of executors is locked against inserts.
    const blocker = await on.connect();
    await blocker.query('begin');
    await blocker.query('lock table apiary.executor in share row exclusive mode');
    executorOf(zombie).fenced();
    const started = zombie.start(Flows, { workflowId: 'w' }).stops('gate');
    const next = executorOf(zombie).id;
    expect(next).to.not.equal(old);
    await until(
      'the registration waits for the lock',
      async () =>
        (
          await on.query(
            `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like 'insert into "apiary".executor%'`,
          )
        ).length > 0,
    );
    // Time for a journal that would not wait: each look is a round trip, as its batch would be.
    for (let look = 0; look < 200; look++) expect(await on.workflow('w'), 'no row names an executor that is not registered').to.equal(undefined);
    await blocker.query('commit');
    await started;
    expect((await on.workflow('w'))?.executor_id).to.equal(next);
    expect(await on.executor(next)).to.include({ fenced: false });
    gates.open('gate');
    expect(await zombie.handle('w').result()).to.equal('done');
  });
});
