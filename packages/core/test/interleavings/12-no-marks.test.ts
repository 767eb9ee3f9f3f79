import { expect } from 'chai';
import { until } from '@apiary/testing/internal';
import { Effects, Flows } from '../support/recovery/flows.js';
import { gates } from '../support/recovery/gates.js';
import { Setting, die, executorOf } from '../support/recovery/setting.js';

describe('INTERLEAVING 12: dead work is found by its owner, never by a mark of time or id', function () {
  this.timeout(90_000);
  let on: Setting;
  beforeEach(async () => {
    on = await Setting.make();
  });
  afterEach(() => on[Symbol.asyncDispose]());

  it('INTERLEAVING 12: a row that became visible long after rows with later ids and times is claimed', async () => {
    const first = await on.launch();
    const observer = await on.launch();
    // T has its snapshot, its id and its time before all others, and commits when the observer has looked many times.
    await first.start(Flows, { workflowId: 'late' }).stopsInTransaction('serializable', 'old');
    await gates.reached('old');
    for (let i = 0; i < 20; i++) await first.start(Flows, { workflowId: `w${i}` }).stops('gate');
    for (let i = 0; i < 20; i++) await gates.reached('gate');
    const looked = (await on.executor(executorOf(observer).id)).lease_counter;
    await until('the observer has looked again and again', async () => (await on.executor(executorOf(observer).id)).lease_counter > looked + 5);
    gates.open('old');
    await on.recorded('late', 2);
    await first.start(Flows, { workflowId: 'open' }).stuck('open');
    await gates.reached('open');
    // A start that is older than everything by its own times, too.
    await on.query(
      `update apiary.workflow_status set created_at = created_at - interval '1 day', updated_at = updated_at - interval '1 day' where workflow_id = 'open'`,
    );
    const dead = await die(first);
    gates.open('gate');
    gates.open('open');
    for (const id of ['late', 'open', ...Array.from({ length: 20 }, (_, i) => `w${i}`)]) expect((await on.ended(id)).status, id).to.equal('SUCCESS');
    await until('nothing is left of it', async () => (await on.executor(dead)).settled);
  });

  it("INTERLEAVING 12: a row of an executor's own whose start it never heard of is adopted, whatever its time and id", async () => {
    const app = await on.launch();
    await app.get(Effects).write('the tables are there');
    // As an answer that was lost leaves it: older than anything this executor has seen.
    await on.query(
      `insert into apiary.workflow_status (workflow_id, name, kind, status, input, executor_id, epoch, app_version, created_at, updated_at)
      select '00000000-0000-7000-8000-000000000000', 'Flows.writes', 'workflow', 'PENDING', '["x","y"]', $1, 1, 'test', '2001-01-01', '2001-01-01'`,
      [executorOf(app).id],
    );
    expect((await on.ended('00000000-0000-7000-8000-000000000000')).status).to.equal('SUCCESS');
    expect(await on.steps('00000000-0000-7000-8000-000000000000')).to.deep.equal(['x', 'y']);
  });
});
