import { expect } from 'chai';
import { executes, TcpProxy, until } from '@apiary/testing/internal';
import { runningOf } from '@apiary/core/internal';
import { Effects, Flows } from '../support/recovery/flows.js';
import { gates } from '../support/recovery/gates.js';
import { Setting, die, executorOf } from '../support/recovery/setting.js';

/** The server is on this machine, and of an account whose processes we may stop. */
function maySignal(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('4.6: connections of a superseded executor', function () {
  this.timeout(120_000);
  let on: Setting;
  let proxy: TcpProxy;
  beforeEach(async () => {
    on = await Setting.make();
    const { hostname, port } = new URL(on.database.connectionString);
    proxy = await TcpProxy.start({ target: { host: hostname, port: Number(port) } });
  });
  afterEach(async () => {
    await proxy.heal();
    await on[Symbol.asyncDispose]();
    await proxy.stop();
  });

  const through = () => ({ database: proxy.connectionString(on.database.connectionString) });

  /** An executor with a call in an open transaction, and another one whose connection is being opened when the takeover comes. */
  async function opensDuringTakeover(heldStatement: RegExp) {
    const zombie = await on.launch(through());
    const old = executorOf(zombie).id;
    const inside = zombie.start(Effects, { workflowId: 'inside' }).writeCommitted('inside', 'hold').result();
    await gates.reached('hold');
    const rule = proxy.add({ on: 'request', is: executes(heldStatement), fault: { kind: 'hold request' } });
    const opening = zombie.start(Effects, { workflowId: 'opening' }).writeCommitted('opening').result();
    const { pid } = await rule.hit;
    await runningOf(zombie).poll.stop(); // it lives, and renews no more
    let locked = false;
    await on.launch({}, { probe: (point) => (locked ||= point === 'takeover:locked') });
    return { zombie, old, inside, opening, rule, pid, hasLocked: () => locked };
  }

  it('4.6, INTERLEAVING 9: a connection that takes its lock only after the takeover reads the fence after it, and does nothing', async () => {
    const { zombie, old, inside, opening, rule, hasLocked } = await opensDuringTakeover(/pg_advisory_lock_shared/);
    await until('the takeover has the exclusive lock', hasLocked);
    expect((await on.executor(old)).fenced).to.equal(true);
    rule.release();
    gates.open('hold');
    // Both ran again, once, under the id that it has now.
    for (const [workflowId, result] of [
      ['opening', opening],
      ['inside', inside],
    ] as const) {
      expect(await result).to.equal(workflowId);
      expect(await on.steps(workflowId)).to.deep.equal([workflowId]);
      expect((await on.workflow(workflowId))?.executor_id, workflowId)
        .to.equal(executorOf(zombie).id)
        .and.not.to.equal(old);
    }
  });

  it('4.6, INTERLEAVING 9: a connection that has its lock and not read the fence is ended before anything is claimed', async () => {
    const { zombie, old, inside, opening, rule, pid, hasLocked } = await opensDuringTakeover(/select fenced from/);
    await until('the takeover has the exclusive lock', hasLocked);
    expect(await on.query('select from pg_stat_activity where pid = $1', [pid]), 'its backend is gone').to.have.length(0);
    rule.release();
    gates.open('hold');
    expect(await opening).to.equal('opening');
    expect(await inside).to.equal('inside');
    for (const workflowId of ['inside', 'opening']) {
      expect(await on.steps(workflowId)).to.deep.equal([workflowId]);
      expect((await on.workflow(workflowId))?.executor_id, workflowId)
        .to.equal(executorOf(zombie).id)
        .and.not.to.equal(old);
    }
  });

  it('4.6: only the exclusive lock says that it is over; meanwhile the lease is renewed and other takeovers go on', async function () {
    const zombie = await on.launch();
    const old = executorOf(zombie).id;
    await zombie.start(Flows, { workflowId: 'w' }).stops('gate');
    await gates.reached('gate');
    void zombie
      .start(Effects, { workflowId: 'inside' })
      .writeCommitted('inside', 'hold')
      .result()
      .catch(() => {});
    await gates.reached('hold');
    const [backend] = await on.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and query like 'insert into effect%' and state = 'idle in transaction'`,
    );
    const pid = backend?.pid ?? 0;
    if (!maySignal(pid)) return this.skip();
    const another = await on.launch();
    await another.start(Flows, { workflowId: 'v' }).stops('gate');
    await gates.reached('gate');

    // The backend itself is stopped: pg_terminate_backend says true, and it stays.
    process.kill(pid, 'SIGSTOP');
    try {
      await runningOf(zombie).poll.stop();
      let terminations = 0;
      const locked: string[] = [];
      const taker = await on.launch(
        {},
        {
          probe: (point, detail) => {
            if (
              point === 'flight:before' &&
              (detail as { statements: readonly { text: string }[] }).statements.some(({ text }) => text.includes('pg_terminate_backend'))
            )
              terminations++;
            if (point === 'takeover:locked') locked.push((detail as { executorId: string }).executorId);
          },
        },
      );
      await until('it has tried to end it several times', () => terminations >= 4);
      const gone = await die(another);
      const before = await on.executor(executorOf(taker).id);
      gates.open('gate');
      expect((await on.ended('v')).status, 'the other one is taken over meanwhile').to.equal('SUCCESS');
      await until('it has renewed for two leases', async () => (await on.executor(executorOf(taker).id)).lease_counter > before.lease_counter + 12);
      expect(await on.executor(executorOf(taker).id)).to.include({ fenced: false });
      expect(executorOf(taker).lease.isLive()).to.equal(true);
      expect(locked).to.deep.equal([gone]);
      expect(await on.query('select from pg_stat_activity where pid = $1', [pid]), 'it is there').to.have.length(1);
      expect((await on.workflow('w'))?.executor_id, 'nothing is claimed').to.equal(old);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect((await on.ended('w')).status).to.equal('SUCCESS');
    expect(await on.steps('w')).to.deep.equal(['before', 'after']);
    expect(await on.steps('inside')).to.deep.equal([]);
  });

  it('4.6: after a lost connection the old backend is gone before the record is looked up and anything is tried again', async () => {
    let attempts = 0;
    const app = await on.launch(through(), { probe: (point) => point === 'step:before' && attempts++ });
    // The first commit stands still in the server, in a deferred trigger, for as long as the test holds a lock.
    await on.query(`create sequence commits`);
    await on.query(`create function stand_still() returns trigger language plpgsql as $$ begin
      if nextval('commits') = 1 then perform pg_advisory_xact_lock(42); end if; return null; end $$`);
    await on.query(`create constraint trigger stand_still after insert on effect deferrable initially deferred for each row execute function stand_still()`);
    const holder = await on.connect();
    await holder.query('select pg_advisory_lock(42)');
    const result = app.start(Effects, { workflowId: 'w' }).writeCommitted('once').result();
    const [waiting] = await until('its commit stands still', async () => {
      const rows = await on.query<{ pid: number }>(
        `select pid from pg_stat_activity where datname = current_database() and wait_event = 'advisory' and pid <> pg_backend_pid()`,
      );
      return rows.length === 1 && rows;
    });
    proxy.cut();
    await until('it is tried again', () => attempts === 2);
    expect(await on.query('select from pg_stat_activity where pid = $1', [waiting?.pid]), 'the old backend').to.have.length(0);
    expect(await result).to.equal('once');
    expect(await on.steps('w')).to.deep.equal(['once']);
    const [commits] = await on.query<{ n: number }>('select last_value::int as n from commits');
    expect(commits?.n, 'it was tried twice').to.equal(2);
  });

  it('4.6: the lease is renewed while the journal cannot write', async () => {
    const app = await on.launch();
    await on.launch();
    const { id } = executorOf(app);
    const locker = await on.connect();
    await locker.query('begin');
    await locker.query('lock table apiary.workflow_status in share mode');
    const started = app.start(Flows, { workflowId: 'w' }).writes('x');
    void started.catch(() => {});
    await until(
      'the journal waits',
      async () =>
        (
          await on.query(
            `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like 'insert into "apiary".workflow_status%'`,
          )
        ).length > 0,
    );
    const before = (await on.executor(id)).lease_counter;
    await until('two leases have passed', async () => {
      const { fenced, lease_counter } = await on.executor(id);
      return fenced || lease_counter > before + 12;
    });
    expect(await on.executor(id)).to.include({ fenced: false });
    await locker.query('rollback');
    await started;
    expect(await app.handle('w').result()).to.equal(1);
    expect(executorOf(app).id).to.equal(id);
  });
});
