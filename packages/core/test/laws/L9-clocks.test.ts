import { Effects, Flows } from '../support/recovery/flows.js';
import { gates } from '../support/recovery/gates.js';
import { Setting, die, executorOf } from '../support/recovery/setting.js';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';

describe("L9: only the database's clock decides, and an observer's own monotonic one", function () {
  this.timeout(120_000);
  let on: Setting;
  beforeEach(async () => {
    on = await Setting.make();
  });
  afterEach(() => on[Symbol.asyncDispose]());

  const counters = async (ids: readonly string[]): Promise<number[]> => Promise.all(ids.map(async (id) => (await on.executor(id)).lease_counter));

  it("L9, INTERLEAVING 7: the database's clock jumps an hour: nobody who renews is taken over, and the work goes on", async () => {
    const apps = [await on.launch(), await on.launch(), await on.launch()];
    const ids = apps.map((app) => executorOf(app).id);
    for (const [i, app] of apps.entries()) await app.start(Flows, { workflowId: `w${i}` }).stops('gate');
    for (let i = 0; i < 3; i++) await gates.reached('gate');
    // What a jump forward does: every lease is long over, by the database, until its owner renews it. Again and again, for three leases.
    let expired = 0;
    const [first] = await counters(ids);
    await until(
      'three leases have passed',
      async () => {
        expired += (await on.query("update apiary.executor set lease_until = clock_timestamp() - interval '1 hour' where not fenced returning 1")).length;
        return (await counters(ids)).every((n) => n > (first ?? 0) + 18);
      },
      { every: 20 },
    );
    expect(expired).to.be.greaterThan(30);
    for (const id of ids) expect(await on.executor(id)).to.include({ fenced: false });
    expect(apps.map((app) => executorOf(app).id)).to.deep.equal(ids);
    gates.open('gate');
    for (let i = 0; i < 3; i++) {
      expect((await on.ended(`w${i}`)).status).to.equal('SUCCESS');
      expect(await on.workflow(`w${i}`)).to.include({ epoch: 1, recoveries: 0 });
      expect(await on.steps(`w${i}`)).to.deep.equal(['before', 'after']);
    }
  });

  it('INTERLEAVING 7: all leases are over and all connections are ended (a failover): everybody works again, exactly once', async () => {
    const apps = [await on.launch(), await on.launch(), await on.launch()];
    const results = apps.flatMap((app, i) =>
      Array.from({ length: 5 }, (_, j) =>
        app
          .start(Flows, { workflowId: `w${i}-${j}` })
          .stops('gate')
          .result(),
      ),
    );
    for (const result of results) result.catch(() => {});
    await Promise.all(results.map(() => gates.reached('gate')));
    // Fenced, all of them, as if each had been seen dead by another one that then was; and every session but the test's own is ended.
    await on.query('update apiary.executor set fenced = true');
    const killed = await on.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()');
    expect(killed.length).to.be.greaterThan(5);
    gates.open('gate');
    for (const result of results) expect(await result).to.equal('done');
    for (let i = 0; i < 3; i++) for (let j = 0; j < 5; j++) expect(await on.steps(`w${i}-${j}`)).to.deep.equal(['before', 'after']);
    const rows = await on.query<{ fenced: boolean; n: number }>('select fenced, count(*)::int as n from apiary.executor group by 1 order by 1');
    expect(rows).to.deep.equal([
      { fenced: false, n: 3 },
      { fenced: true, n: 3 },
    ]);
  });

  it('L9: a lease that the database says is live is not taken, however long its counter stands still', async () => {
    const first = await on.launch();
    await first.start(Flows, { workflowId: 'w' }).stops('gate');
    await gates.reached('gate');
    const dead = await die(first);
    await on.query(`update apiary.executor set lease_until = clock_timestamp() + interval '1 hour' where executor_id = $1`, [dead]);
    const second = await on.launch();
    await until('the observer has looked for three leases', async () => (await on.executor(executorOf(second).id)).lease_counter > 18);
    expect(await on.executor(dead)).to.include({ fenced: false });
    expect((await on.workflow('w'))?.executor_id).to.equal(dead);
    gates.open('gate');
    await on.expire(dead);
    expect((await on.ended('w')).status).to.equal('SUCCESS');
  });

  it('L9: a lease that the database says is over is not taken before the observer has seen it stand still for its length', async () => {
    const first = await on.launch({ lease: '2 seconds' });
    await first.start(Flows, { workflowId: 'w' }).stops('gate');
    await gates.reached('gate');
    const dead = await die(first);
    await on.expire(dead);
    let ticks = 0;
    let ticksAtFence = 0;
    await on.launch(
      { lease: '2 seconds' },
      {
        probe: (point, detail) => {
          if (point === 'takeover:fenced') ticksAtFence = ticks;
          if (
            point === 'flight:answered' &&
            (detail as { statements: readonly { text: string }[] }).statements.some(({ text }) => text.includes('lease_counter + 1'))
          )
            ticks++;
        },
      },
    );
    gates.open('gate');
    await on.ended('w');
    expect(ticksAtFence, 'it looked through a whole lease first').to.be.greaterThan(8);
  });

  it('L9: the same, though the clock of its machine jumps an hour at each look', async () => {
    const first = await on.launch({ lease: '2 seconds' });
    await first.start(Flows, { workflowId: 'w' }).stops('gate');
    await gates.reached('gate');
    await on.expire(await die(first));
    const real = Date.now;
    let jumps = 0;
    Date.now = () => real() + ++jumps * 3_600_000;
    try {
      let ticks = 0;
      let ticksAtFence = 0;
      await on.launch(
        { lease: '2 seconds' },
        {
          probe: (point, detail) => {
            if (point === 'takeover:fenced') ticksAtFence = ticks;
            if (
              point === 'flight:answered' &&
              (detail as { statements: readonly { text: string }[] }).statements.some(({ text }) => text.includes('lease_counter + 1'))
            )
              ticks++;
            Date.now();
          },
        },
      );
      gates.open('gate');
      await on.ended('w');
      expect(ticksAtFence, 'it looked through a whole lease first').to.be.greaterThan(8);
      expect(jumps).to.be.greaterThan(8);
    } finally {
      Date.now = real;
    }
  });

  it("L9: steps of an executor's own clock change no lease, sleep, deadline or time of a row", async () => {
    const real = Date.now;
    let step = 0;
    Date.now = () => real() + step;
    try {
      const app = await on.launch();
      const other = await on.launch();
      const ids = [app, other].map((a) => executorOf(a).id);
      const [before] = await counters(ids);
      const hour = 3_600_000;
      const napping = app.start(Flows, { workflowId: 'nap' }).naps(1500).result();
      const bounded = app.start(Flows, { workflowId: 'bounded', deadline: '1 hour' }).naps(700).result();
      await on.recorded('nap', 2);
      let n = 0;
      await until(
        'three leases have passed, with a step of the clock in each poll',
        async () => {
          step = [hour, -hour, 24 * hour, 0][n++ % 4] ?? 0;
          return (await counters(ids)).every((c) => c > (before ?? 0) + 18);
        },
        { every: 60 },
      );
      expect(n).to.be.greaterThan(10);
      for (const id of ids) expect(await on.executor(id)).to.include({ fenced: false });
      expect(await bounded, 'its deadline was an hour off').to.equal('rested');
      expect(await napping).to.equal('rested');
      const [row] = await on.query<{
        slept: number;
        age: number;
      }>(`select extract(epoch from (w.updated_at - w.created_at)) * 1000 as slept, abs(extract(epoch from (clock_timestamp() - w.created_at))) as age
        from apiary.workflow_status w where workflow_id = 'nap'`);
      expect(Number(row?.slept)).to.be.within(1450, 20_000);
      expect(Number(row?.age), "rows carry the database's time").to.be.below(60);
      step = hour;
      const later = await on.launch();
      const stepped = later.start(Flows, { workflowId: 'stepped', deadline: '30 minutes' }).naps(100).result();
      expect(await stepped).to.equal('rested');
      const [deadline] = await on.query<{ left: number }>(
        `select extract(epoch from (deadline - created_at)) / 60 as left from apiary.workflow_status where workflow_id = 'stepped'`,
      );
      expect(Number(deadline?.left)).to.be.within(29, 31);
    } finally {
      Date.now = real;
    }
  });

  it('L9: without LISTEN/NOTIFY outcomes, cancellations and wake-ups are found by polling', async () => {
    const [one, two] = [await on.launch({ notify: false }), await on.launch({ notify: false })];
    await one.start(Flows, { workflowId: 'w' }).stops('gate');
    await gates.reached('gate');
    const outcome = two.handle('w').result();
    await one.start(Flows, { workflowId: 'c' }).naps(4000);
    await on.recorded('c', 2);
    await two.handle('c').cancel();
    const cancelled = await two
      .handle('c')
      .result()
      .then(
        () => 'ended',
        (error: unknown) => (error as { code: string }).code,
      );
    expect(cancelled).to.equal('CANCELLED');
    gates.open('gate');
    expect(await outcome).to.equal('done');
    const listening = await on.query(`select from pg_stat_activity where datname = current_database() and query ilike 'listen%'`);
    expect(listening).to.have.length(0);
    expect(await one.get(Effects).count()).to.be.greaterThan(0);
  });
});
