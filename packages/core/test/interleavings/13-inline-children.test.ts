import { expect } from 'chai';
import { until } from '@apiary/testing/internal';
import { Flows } from '../support/recovery/flows.js';
import { gates } from '../support/recovery/gates.js';
import { Setting, die, executorOf } from '../support/recovery/setting.js';

describe('INTERLEAVING 13: an inline child and its parent', function () {
  this.timeout(90_000);
  let on: Setting;
  beforeEach(async () => {
    on = await Setting.make();
  });
  afterEach(() => on[Symbol.asyncDispose]());

  it("INTERLEAVING 13: the first commit of a child carries its parent's row too; killed there, both are found and finished once", async () => {
    const first = await on.launch();
    const result = first.start(Flows, { workflowId: 'p' }).parent('gate').result();
    result.catch(() => {});
    await gates.reached('gate');
    await on.recorded('p-0', 1);
    const rows = await on.query<{ workflow_id: string; xid: string }>('select workflow_id, xid::text from apiary.workflow_status order by 1');
    expect(rows.map((row) => row.workflow_id)).to.deep.equal(['p', 'p-0']);
    expect(new Set(rows.map((row) => row.xid)).size, 'one commit').to.equal(1);
    await die(first);
    gates.open('gate');
    gates.open('gate again');
    await on.launch();
    expect((await on.ended('p')).status).to.equal('SUCCESS');
    expect(await on.steps('p-0')).to.deep.equal(['child 1', 'child 2']);
    expect(await on.steps('p')).to.deep.equal(['parent']);
  });

  it("INTERLEAVING 13: parent and child are claimed by two executors: the child's result comes over, its effects happen once", async () => {
    const first = await on.launch();
    await first.start(Flows, { workflowId: 'p' }).parent('gate');
    await gates.reached('gate');
    const [two, three] = [await on.launch({ lease: '1 minute' }), await on.launch({ lease: '1 minute' })];
    await die(first);
    // A claim split by hand, as two observers could: the parent to one, the child to the other.
    await on.query('begin');
    await on.query(`update apiary.workflow_status set executor_id = $1, epoch = epoch + 1 where workflow_id = 'p'`, [executorOf(two).id]);
    await on.query(`update apiary.workflow_status set executor_id = $1, epoch = epoch + 1 where workflow_id = 'p-0'`, [executorOf(three).id]);
    await on.query('commit');
    await gates.reached('gate'); // the child, and only the child
    await until('the parent runs too', async () => executorOf(two).tickets.get('p')?.run !== undefined);
    expect(executorOf(two).tickets.get('p-0')?.run, 'it observes').to.equal(undefined);
    gates.open('gate');
    gates.open('gate again');
    expect((await on.ended('p')).status).to.equal('SUCCESS');
    expect(await two.handle('p').result()).to.equal('parent of child');
    expect(await on.steps('p-0')).to.deep.equal(['child 1', 'child 2']);
    expect(await on.steps('p')).to.deep.equal(['parent']);
    expect(await on.workflow('p-0')).to.include({ executor_id: executorOf(three).id });
    expect(await on.records('p')).to.deep.equal(['0 Flows.child', '1 Effects.write']);
  });
});
