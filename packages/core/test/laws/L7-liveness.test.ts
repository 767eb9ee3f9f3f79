import { expect } from 'chai';
import { until } from '@apiary/testing/internal';
import { Effects, Flows } from '../support/recovery/flows.js';
import { gates } from '../support/recovery/gates.js';
import { Setting, die, executorOf } from '../support/recovery/setting.js';

describe("L7: a dead executor's workflows are finished by another", function () {
  this.timeout(120_000);
  let on: Setting;
  beforeEach(async () => {
    on = await Setting.make();
  });
  afterEach(() => on[Symbol.asyncDispose]());

  it('L7: an executor dies for good, and another one finishes its workflows without a client and without an operator', async () => {
    const first = await on.launch();
    const flows = { 'a-body': 'stops', 'a-call': 'stopsThenTells', 'a-parent': 'parent', 'a-starter': 'starter' } as const;
    for (const [workflowId, method] of Object.entries(flows)) await first.start(Flows, { workflowId })[method](workflowId);
    for (const gate of Object.keys(flows)) await gates.reached(gate);
    void first
      .start(Effects, { workflowId: 'a-transaction' })
      .write('direct', 'a-transaction')
      .result()
      .catch(() => {});
    void first
      .start(Effects, { workflowId: 'a-communicator' })
      .tell('direct', 'a-communicator')
      .result()
      .catch(() => {});
    await first.start(Effects, { workflowId: 'a-communicator' }).tell('direct', 'a-communicator');
    await gates.reached('a-communicator');
    const dead = await die(first);
    for (const gate of [...Object.keys(flows), 'a-communicator', 'a-parent again', 'a-starter again']) gates.open(gate);

    const second = await on.launch();
    for (const workflowId of [...Object.keys(flows), 'a-communicator']) expect((await on.ended(workflowId)).status, workflowId).to.equal('SUCCESS');
    expect(await on.steps('a-body')).to.deep.equal(['before', 'after']);
    expect(await on.steps('a-call')).to.deep.equal(['before']);
    expect(await on.steps('a-parent')).to.deep.equal(['parent']);
    expect(await on.steps('a-parent-0')).to.deep.equal(['child 1', 'child 2']);
    expect(await second.handle('a-starter').result()).to.equal('started child');
    expect(await on.steps('a-starter-0')).to.deep.equal(['child 1', 'child 2']);
    // A transaction that never committed left nothing: its caller was told nothing.
    expect(await on.workflow('a-transaction')).to.equal(undefined);
    expect(await on.steps('a-transaction')).to.deep.equal([]);
    await until('nobody has to look at the dead executor any more', async () => (await on.executor(dead)).settled);
  });

  it('L7: the takeover begins when the lease has stood still for its whole length, not at the poll after', async () => {
    const [lease, poll] = [3000, 1400];
    const first = await on.launch({ lease, poll });
    await first.start(Flows, { workflowId: 'w' }).stops('gate');
    await gates.reached('gate');
    const dead = await die(first);
    const last = (await on.executor(dead)).lease_counter;
    let firstSeen = 0;
    let fencedAt = 0;
    const second = await on.launch(
      { lease, poll },
      {
        probe: (point, detail) => {
          if (point === 'takeover:fenced') fencedAt = performance.now();
          if (point !== 'flight:answered' || firstSeen !== 0) return;
          if ((detail as { statements: readonly { text: string }[] }).statements.some(({ text }) => text.includes('lease_counter + 1')))
            firstSeen = performance.now();
        },
      },
    );
    expect(executorOf(second).id).not.to.equal(dead);
    gates.open('gate');
    await on.ended('w');
    expect((await on.executor(dead)).lease_counter, 'it did not renew').to.equal(last);
    const waited = fencedAt - firstSeen;
    // A poll later would be 3 * 1400.
    expect(waited).to.be.within(lease - 1, lease + 800);
  });

  it('L7: what makes no progress is DEAD after its recoveries, and listed; its caller is told; what progresses goes on', async () => {
    let app = await on.launch();
    await app.start(Flows, { workflowId: 'stuck' }).stuck('never');
    await app.start(Flows, { workflowId: 'slow' }).slow(4);
    await gates.reached('never');
    for (let life = 0; life < 4; life++) {
      await gates.reached(`slow ${life}`);
      await until('the record of this life is durable', async () => (await on.records('slow')).length === life + 1);
      if (life < 3) await die(app);
      gates.open(`slow ${life}`);
      if (life === 3) break;
      app = await on.launch();
      if (life === 0) await gates.reached('never'); // the one recovery that it has
    }
    const { status, recoveries } = await on.ended('stuck');
    expect({ status, recoveries }).to.deep.equal({ status: 'DEAD', recoveries: 2 });
    expect((await app.list({ status: 'DEAD' })).items.map((w) => w.workflowId)).to.deep.equal(['stuck']);
    const error = await app
      .handle('stuck')
      .result()
      .then(
        () => undefined,
        (e: unknown) => e as { code: string; details: object },
      );
    expect(error).to.include({ code: 'DEAD' });
    expect(error?.details).to.deep.equal({ recoveries: 1 });
    // Claimed three times with one recovery allowed: each claim found a new record.
    expect(await app.handle('slow').result()).to.equal(4);
    expect((await on.workflow('slow'))?.recoveries).to.equal(3);
    expect(
      on.witness.records.map((call) => call.name).filter((name) => name.startsWith('life')),
      'no step was made twice',
    ).to.deep.equal(['life 0', 'life 1', 'life 2', 'life 3']);
  });

  it('L7: a resumed DEAD workflow starts to count anew and goes on after its last record', async () => {
    let app = await on.launch();
    await app.start(Flows, { workflowId: 'w' }).stuck('shut');
    for (let life = 0; life < 2; life++) {
      await gates.reached('shut');
      await die(app);
      app = await on.launch();
    }
    expect((await on.ended('w')).status).to.equal('DEAD');
    expect(await app.resume({ workflowId: 'w' })).to.equal(1);
    await gates.reached('shut');
    expect(await on.workflow('w')).to.include({ status: 'PENDING', attempts: 0 });
    await die(app);
    app = await on.launch();
    await gates.reached('shut');
    expect((await on.workflow('w'))?.status, 'its one recovery is there again').to.equal('PENDING');
    gates.open('shut');
    expect(await app.handle('w').result()).to.equal('free');
  });

  it('L7: work of another version is left alone, and taken when an executor of that version comes', async () => {
    const first = await on.launch({ version: 'one' });
    await first.start(Flows, { workflowId: 'w' }).stops('gate');
    await gates.reached('gate');
    const dead = await die(first);
    gates.open('gate');
    const other = await on.launch({ version: 'two' });
    await until('the other version has looked for longer than a lease', async () => (await on.executor(executorOf(other).id)).lease_counter > 12);
    expect(await on.executor(dead)).to.include({ fenced: false });
    expect(await on.workflow('w')).to.include({ status: 'PENDING', executor_id: dead, epoch: 1 });
    await on.launch({ version: 'one' });
    expect((await on.ended('w')).status).to.equal('SUCCESS');
  });

  it('L7: a shutdown gives its work back at once, and no attempt is counted', async () => {
    let app = await on.launch();
    await app.start(Flows, { workflowId: 'w' }).stuck('shut');
    // Leases of a minute: only what is given back can move.
    for (let deploys = 0; deploys < 3; deploys++) {
      await gates.reached('shut');
      const next = await on.launch({ lease: '1 minute' });
      await app.shutdown({ grace: 0 });
      app = next;
      await until('the next executor has it', async () => (await on.workflow('w'))?.executor_id === executorOf(next).id);
      expect(await on.workflow('w')).to.include({ attempts: 0, recoveries: 0, epoch: deploys + 2 });
    }
    gates.open('shut');
    expect(await app.handle('w').result()).to.equal('free');
  });

  it('L7: more than one batch is claimed, each with one read of its records', async () => {
    const claims: number[] = [];
    let reads = 0;
    const first = await on.launch();
    const count = 1100;
    const ids = Array.from({ length: count }, (_, i) => `w${i}`);
    for (let i = 0; i < count; i += 100) await Promise.all(ids.slice(i, i + 100).map((workflowId) => first.start(Flows, { workflowId }).good('gate')));
    const dead = await die(first);
    gates.open('gate');
    await on.launch(
      {},
      {
        probe: (point, detail) => {
          if (point === 'takeover:claimed') claims.push((detail as { workflowIds: readonly string[] }).workflowIds.length);
          if (
            point === 'flight:before' &&
            (detail as { statements: readonly { text: string }[] }).statements.some(({ text }) => text.includes('f.step_id as "stepId"'))
          )
            reads++;
        },
      },
    );
    await until('all have ended', async () => (await on.query(`select from apiary.workflow_status where status <> 'SUCCESS'`)).length === 0, {
      within: 90_000,
    });
    expect(claims).to.deep.equal([500, 500, 100]);
    expect(reads).to.equal(3);
    const [row] = await on.query<{ n: number; ids: number }>('select count(*)::int as n, count(distinct workflow_id)::int as ids from effect');
    expect(row).to.deep.equal({ n: count, ids: count });
    await until('it is settled', async () => (await on.executor(dead)).settled);
  });
});
