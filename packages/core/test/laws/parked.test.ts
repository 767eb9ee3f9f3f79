import { expect } from 'chai';
import { until } from '@apiary/testing/internal';
import { Flows } from '../support/recovery/flows.js';
import { gates } from '../support/recovery/gates.js';
import { Setting, executorOf } from '../support/recovery/setting.js';

describe('4.5: parked workflows', function () {
  this.timeout(60_000);
  let on: Setting;
  beforeEach(async () => {
    on = await Setting.make();
  });
  afterEach(() => on[Symbol.asyncDispose]());

  it('4.5: a workflow does not park over a cancellation that was first at its row: somebody has to honour it', async () => {
    const app = await on.launch();
    await app.start(Flows, { workflowId: 'w' }).stopsThenNaps('gate', 3_600_000);
    await gates.reached('gate');
    await on.recorded('w', 1);
    // The request of another process: it has the row, and has not committed.
    const client = await on.connect();
    await client.query('begin');
    await client.query(executorOf(app).store.sql.cancel, [['w'], ['{}'], 0]);
    gates.open('gate');
    await until(
      'the workflow would park',
      async () => (await on.query(`select from pg_stat_activity where wait_event_type = 'Lock' and query like '%set executor_id = null, wake_at%'`)).length > 0,
    );
    await client.query('commit');
    await until('it has parked or ended', async () => {
      const row = await on.workflow('w');
      return row?.executor_id === null || row?.status !== 'PENDING';
    });
    expect((await on.workflow('w'))?.status).to.equal('CANCELLED');
    expect(await on.records('w'), 'the sleep was not begun').to.deep.equal(['0 Effects.tell']);
  });

  it('4.5: a wake-up raises the epoch, as every change of owner does', async () => {
    const app = await on.launch();
    await app.start(Flows, { workflowId: 'w' }).naps(3_600_000);
    await until('it is parked', async () => (await on.workflow('w'))?.executor_id === null);
    expect((await on.workflow('w'))?.epoch).to.equal(1);
    const { sql } = executorOf(app).store;
    await on.query(`update apiary.workflow_status set wake_at = clock_timestamp(), app_version = 'strange'`);
    const { rows } = await (await on.connect()).query(sql.wake, ['somebody', 'strange', 0, 10]);
    expect(rows).to.have.length(1);
    expect(await on.workflow('w')).to.include({ executor_id: 'somebody', epoch: 2 });
  });
});
