import { expect } from 'chai';
import { until } from '@apiary/testing/internal';
import type pg from 'pg';
import { Flows } from '../support/recovery/flows.js';
import { gates } from '../support/recovery/gates.js';
import { Setting, die, executorOf } from '../support/recovery/setting.js';

/** Statements of the takeover against each other: the schedules that two observers, or a superseded one, can make of them. */
describe('4.6: the statements of a takeover', function () {
  this.timeout(60_000);
  let on: Setting;
  beforeEach(async () => {
    on = await Setting.make();
  });
  afterEach(() => on[Symbol.asyncDispose]());

  /** An executor of a version that nobody here looks at. */
  async function stranger(executorId: string, { fenced = true, leaseMs = -1000, counter = 7 } = {}): Promise<void> {
    await on.query(
      `insert into apiary.executor (executor_id, lock_key, name, app_version, lease_until, lease_counter, fenced)
       values ($1, 1, 'stranger', 'strange', clock_timestamp() + $2 * interval '1 millisecond', $3, $4)`,
      [executorId, leaseMs, counter, fenced],
    );
  }

  async function row(workflowId: string, executorId: string | null, status = 'PENDING'): Promise<void> {
    await on.query(
      `insert into apiary.workflow_status (workflow_id, name, kind, status, input, executor_id, epoch, app_version, wake_at)
       values ($1, 'Flows.writes', 'workflow', $3, '[]', $2, 1, 'strange', case when $2::text is null then clock_timestamp() end)`,
      [workflowId, executorId, status],
    );
  }

  const code = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'nothing',
      (error: unknown) => (error as { code: string }).code,
    );

  async function isLocked(client: pg.Client): Promise<boolean> {
    const pid = (client as unknown as { processID: number }).processID;
    return (await on.query(`select from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'`, [pid])).length > 0;
  }

  const waitsForLock = (client: pg.Client): Promise<boolean> => until('it waits for the row', () => isLocked(client));

  it("4.6: the fence is conditional on the counter that was seen and on the database's clock", async () => {
    const { store } = executorOf(await on.launch());
    await stranger('renewed', { fenced: false, counter: 7 });
    await stranger('live', { fenced: false, leaseMs: 3_600_000, counter: 7 });
    expect((await store.query('fence', ['renewed', 6])).rowCount, 'it renewed since').to.equal(0);
    expect((await store.query('fence', ['live', 7])).rowCount, 'its lease is live').to.equal(0);
    expect((await store.query('fence', ['renewed', 7])).rowCount).to.equal(1);
    expect((await store.query('fence', ['renewed', 7])).rowCount, 'one observer is the one').to.equal(0);
    expect(await on.executor('renewed')).to.include({ fenced: true });
    expect(await on.executor('live')).to.include({ fenced: false });
  });

  it('4.6: of two claims of one row that meet, one has it', async () => {
    const { sql } = executorOf(await on.launch()).store;
    await stranger('gone');
    await row('w', 'gone');
    const [one, two] = [await on.connect(), await on.connect()];
    await one.query('begin');
    expect((await one.query(sql.claim, ['gone', 'first observer', 10, 'first', 0])).rowCount).to.equal(1);
    const second = two.query(sql.claim, ['gone', 'second observer', 10, 'first', 0]);
    await waitsForLock(two);
    await one.query('commit');
    expect((await second).rowCount).to.equal(0);
    expect(await on.workflow('w')).to.include({ executor_id: 'first observer', epoch: 2, attempts: 1 });
  });

  it('4.6: a superseded executor stays in the scan while rows are left', async () => {
    const { store } = executorOf(await on.launch());
    await stranger('gone');
    await row('w', 'gone');
    expect((await store.query('settle', ['gone'])).rowCount).to.equal(0);
    await on.query(`update apiary.workflow_status set status = 'SUCCESS'`);
    expect((await store.query('settle', ['gone'])).rowCount).to.equal(1);
  });

  it('4.5: a wake-up of what was cancelled meanwhile takes nothing', async () => {
    const { sql } = executorOf(await on.launch()).store;
    await stranger('me', { fenced: false });
    await row('w', null);
    const [one, two] = [await on.connect(), await on.connect()];
    await one.query('begin');
    expect((await one.query(sql.cancel, [['w'], ['{}'], 0])).rows).to.deep.equal([{ workflowId: 'w', status: 'CANCELLED', executorId: null }]);
    // It passes over what is locked; where it did not, it would wait here and then have to look again.
    let woken = false;
    const wake = two.query(sql.wake, ['me', 'strange', 0, 10]).finally(() => (woken = true));
    await until('it has passed over the row, or waits for it', async () => woken || (await isLocked(two)));
    await one.query('commit');
    expect((await wake).rowCount).to.equal(0);
    expect(await on.workflow('w')).to.include({ status: 'CANCELLED', executor_id: null, epoch: 1 });
  });

  it('4.6: a statement that gives rows to its executor gives no rows to an executor that is fenced', async () => {
    const { store } = executorOf(await on.launch());
    await stranger('gone');
    await stranger('fenced meanwhile');
    await row('orphan', 'gone');
    await row('parked', null);
    await row('dead', null, 'DEAD');
    const me = 'fenced meanwhile';
    const statements: readonly (readonly ['claim' | 'wake' | 'resume' | 'fork', readonly unknown[]])[] = [
      ['claim', ['gone', me, 10, 'first', 0]],
      ['wake', [me, 'strange', 0, 10]],
      ['resume', [['dead'], me, 'strange', 0]],
      ['fork', ['dead', 'forked', me, 'strange', []]],
    ];
    for (const [name, values] of statements) expect(await code(store.owning(name, values, me)), name).to.equal('APF01');
    expect(await on.query('select from apiary.workflow_status where executor_id = $1', [me])).to.have.length(0);
    // The same statements are right as they are: of an executor that is not fenced each has its row.
    await on.query('update apiary.executor set fenced = false where executor_id = $1', [me]);
    for (const [name, values] of statements) expect((await store.owning(name, values, me)).rowCount, name).to.equal(1);
    expect(await on.query('select from apiary.workflow_status where executor_id = $1', [me])).to.have.length(4);
  });

  it('4.6: a takeover waits for a statement that gives rows to the executor it supersedes', async () => {
    const { sql } = executorOf(await on.launch()).store;
    await stranger('gone');
    await stranger('me', { fenced: false });
    await row('orphan', 'gone');
    const [one, two] = [await on.connect(), await on.connect()];
    await one.query('begin');
    await one.query(sql.fenceCheck, ['me']);
    expect((await one.query(sql.claim, ['gone', 'me', 10, 'first', 0])).rowCount).to.equal(1);
    await two.query(`update apiary.executor set fenced = true where executor_id = 'me'`);
    const superseding = two.query(sql.supersede, ['me']);
    await waitsForLock(two);
    await one.query('commit');
    await superseding;
    // In a later snapshot it finds what was given last.
    expect((await two.query(sql.claim, ['me', 'another', 10, 'again', 0])).rows.map((w: { workflowId: string }) => w.workflowId)).to.deep.equal(['orphan']);
  });

  it('4.6: a lease is counted from the sending of its renewal', async () => {
    const sent: number[] = [];
    let before = 0;
    const app = await on.launch(
      {},
      {
        probe: (point, detail) => {
          if (point !== 'flight:before') return;
          if ((detail as { statements: readonly { text: string }[] }).statements.some(({ text }) => text.includes('lease_counter + 1')))
            before = performance.now();
        },
      },
    );
    const { lease } = executorOf(app);
    const renewed = lease.renewed.bind(lease);
    const late: number[] = [];
    lease.renewed = (at) => {
      sent.push(at);
      if (at > before) late.push(at - before);
      renewed(at);
    };
    await until('it has renewed some times', () => sent.length >= 5);
    expect(late, 'counted from a time after the renewal was written').to.deep.equal([]);
  });

  it('4.6: a takeover that failed goes on at the next poll', async () => {
    const first = await on.launch();
    await first.start(Flows, { workflowId: 'w' }).stops('gate');
    await gates.reached('gate');
    const dead = await die(first);
    gates.open('gate');
    let failures = 0;
    const second = await on.launch(
      {},
      {
        probe: (point) => {
          if (point === 'takeover:fenced' && failures++ === 0) throw new Error('the test ends this takeover');
        },
      },
    );
    await until('it failed', () => failures === 1);
    const { lease_counter: looked } = await on.executor(executorOf(second).id);
    await until('it has looked often', async () => (await on.executor(executorOf(second).id)).lease_counter > looked + 20);
    expect((await on.workflow('w'))?.executor_id, 'it is claimed').to.equal(executorOf(second).id);
    expect((await on.ended('w')).status).to.equal('SUCCESS');
    expect(await on.executor(dead)).to.include({ fenced: true });
  });
});
