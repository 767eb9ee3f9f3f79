import { expect } from 'chai';
import { until, type Child } from '@apiary/testing/internal';
import { Flows } from '../support/recovery/flows.js';
import { gates } from '../support/recovery/gates.js';
import { Setting, die } from '../support/recovery/setting.js';

const good = 999;

describe('INTERLEAVING 17: one workflow kills every process that runs it', function () {
  this.timeout(240_000);
  let on: Setting;
  beforeEach(async () => {
    on = await Setting.make();
  });
  afterEach(() => on[Symbol.asyncDispose]());

  it(`INTERLEAVING 17: only the poison is DEAD, ${good} neighbours that were claimed with it end well`, async () => {
    const first = await on.launch();
    await first.start(Flows, { workflowId: 'poison' }).stuck('never');
    // The row of a workflow that kills: the first process must survive its start.
    await on.query(`update apiary.workflow_status set name = 'Flows.poisonous', input = '[]', input_hash = null where workflow_id = 'poison'`);
    const ids = Array.from({ length: good }, (_, i) => `good ${i}`);
    for (let i = 0; i < good; i += 50) await Promise.all(ids.slice(i, i + 50).map((workflowId) => first.start(Flows, { workflowId }).good('gate')));
    await die(first);

    // In the first of these processes its neighbours stand at their gate: all of them were running when it was killed.
    let kills = 0;
    let child: Child | undefined;
    const claimed = async (): Promise<boolean> =>
      (await on.query(`select from apiary.workflow_status where workflow_id = 'poison' and status = 'DEAD'`)).length > 0;
    while (!(await claimed())) {
      child = await on.child({ free: kills > 0 });
      const end = await Promise.race([child.exited, until('the poison is DEAD', claimed, { within: 60_000 })]);
      if (end === true) break;
      expect(end).to.include({ signal: 'SIGKILL' });
      kills++;
    }
    expect(kills, 'each of its three recoveries killed a process').to.equal(3);
    await child?.kill();
    const attempts = await on.query<{ attempts: number }>(`select attempts from apiary.workflow_status where workflow_id like 'good%' and attempts > 3`);
    expect(attempts, 'no neighbour is near its end').to.have.length(0);
    gates.open('gate'); // for those that are left
    await on.launch();
    await until(
      'the neighbours have ended',
      async () => (await on.query(`select from apiary.workflow_status where workflow_id like 'good%' and status = 'PENDING'`)).length === 0,
      { within: 120_000 },
    );
    const rows = await on.query<{ status: string; n: number }>('select status, count(*)::int as n from apiary.workflow_status group by 1 order by 1');
    expect(rows).to.deep.equal([
      { status: 'DEAD', n: 1 },
      { status: 'SUCCESS', n: good },
    ]);
    const [effects] = await on.query<{ n: number; ids: number }>(`select count(*)::int as n, count(distinct workflow_id)::int as ids from effect`);
    expect(effects).to.deep.equal({ n: good, ids: good });
  });
});
