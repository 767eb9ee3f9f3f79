import { expect } from 'chai';
import makeKnex, { type Knex } from 'knex';
import type { Apiary, Config } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { PoolingProxy, until } from '@apiary/testing/internal';
import { Effects, Flows } from '../support/recovery/flows.js';
import { gates } from '../support/recovery/gates.js';
import { Setting, die, executorOf } from '../support/recovery/setting.js';

/** Where no session is an executor's own, each transaction checks the fence itself. */
for (const mode of ['a transaction pooler', "the user's own Knex"] as const) {
  describe(`4.6: the fence of each transaction, with ${mode}`, function () {
    this.timeout(120_000);
    let on: Setting;
    let proxy: PoolingProxy;
    const knexes: Knex[] = [];
    beforeEach(async () => {
      on = await Setting.make();
      const { hostname, port, password } = new URL(on.database.connectionString);
      proxy = await PoolingProxy.start({ target: { host: hostname, port: Number(port), password: decodeURIComponent(password) }, size: 20 });
    });
    afterEach(async () => {
      await on[Symbol.asyncDispose]();
      await Promise.all(knexes.splice(0).map((knex) => knex.destroy()));
      await proxy.stop();
    });

    function through(): Partial<Config> {
      if (mode === 'a transaction pooler') return { database: proxy.connectionString(on.database.connectionString) };
      const knex = makeKnex({ client: 'pg', connection: on.database.connectionString, pool: { min: 0, max: 10 } });
      knexes.push(knex);
      return { database: knex };
    }

    /** It lives and renews no more; by its own clock its lease is live, as after a suspension that no clock of it saw. */
    async function becomeZombie(app: Apiary): Promise<string> {
      const { executor, poll } = runningOf(app);
      await poll.stop();
      executor.lease.renewed(performance.now() + 3_600_000);
      return executor.id;
    }

    it('4.6: workflows run, and those of a dead executor are taken over', async () => {
      const first = await on.launch(through());
      expect(executorOf(first).store.connections.perTransactionFence).to.equal(true);
      await first.start(Flows, { workflowId: 'w' }).stops('gate');
      expect(await first.get(Flows).writes('x', 'y')).to.equal(2);
      expect(await first.get(Effects).put('procedure')).to.deep.equal({ step: 'procedure' });
      await gates.reached('gate');
      const dead = await die(first);
      gates.open('gate');
      await on.launch(through());
      expect((await on.ended('w')).status).to.equal('SUCCESS');
      expect(await on.steps('w')).to.deep.equal(['before', 'after']);
      await until('it is settled', async () => (await on.executor(dead)).settled);
    });

    it('4.6: a takeover ends the transactions that checked the fence before it, and no others', async () => {
      const attempts: string[] = [];
      const zombie = await on.launch(through());
      const innocent = await on.launch(through(), {
        probe: (point, detail) => point === 'step:before' && attempts.push((detail as { workflowId: string }).workflowId),
      });
      await zombie.start(Flows, { workflowId: 'w' }).stops('gate');
      await gates.reached('gate');
      const inside = zombie.start(Effects, { workflowId: 'inside' }).writeCommitted('inside', 'zombie').result();
      inside.catch(() => {});
      await gates.reached('zombie');
      const open = (): Promise<{ pid: number }[]> =>
        on.query(`select pid from pg_stat_activity where datname = current_database() and state = 'idle in transaction' and query like 'insert into effect%'`);
      const [ofZombie] = await open();
      const beside = innocent.start(Effects, { workflowId: 'beside' }).writeCommitted('beside', 'innocent').result();
      beside.catch(() => {});
      await gates.reached('innocent');
      const [ofInnocent] = (await open()).filter(({ pid }) => pid !== ofZombie?.pid);
      const old = await becomeZombie(zombie);
      await on.launch(through());
      await until('its workflow is claimed', async () => (await on.workflow('w'))?.executor_id !== old);
      gates.open('gate');
      expect((await on.ended('w')).status).to.equal('SUCCESS');
      const pids = (await open()).map(({ pid }) => pid);
      expect(pids).to.not.include(ofZombie?.pid);
      expect(pids).to.include(ofInnocent?.pid);
      gates.open('innocent');
      expect(await beside).to.equal('beside');
      expect(
        attempts.filter((id) => id === 'beside'),
        'it ran once',
      ).to.have.length(1);
      gates.open('zombie');
      expect(await inside).to.equal('inside');
      expect(await on.steps('inside')).to.deep.equal(['inside']);
      expect((await on.workflow('inside'))?.executor_id)
        .to.equal(executorOf(zombie).id)
        .and.not.to.equal(old);
      expect(await on.steps('w')).to.deep.equal(['before', 'after']);
    });

    it('4.6: a transaction, and a group of the journal, that begins after the fence raises and takes nothing along', async () => {
      const refusals: string[] = [];
      const zombie = await on.launch(through(), {
        probe: (point, detail) => {
          const { error, connection } = detail as { error?: { code?: string }; connection?: string };
          if (point === 'flight:answered' && error?.code === 'APF01') refusals.push(String(connection));
        },
      });
      expect(await zombie.get(Effects).writeCommitted('it has a connection')).to.equal('it has a connection');
      await zombie.start(Flows, { workflowId: 'the journal has one too' }).writes('x');
      const old = await becomeZombie(zombie);
      await on.launch(through());
      await until('it is superseded and settled', async () => (await on.executor(old)).settled);
      // By its own clock it may begin steps: only the database can stop it now.
      expect(await zombie.get(Effects).writeCommitted('direct')).to.equal('direct');
      expect(refusals, 'raised in its first flight').to.deep.equal(['user']);
      const next = executorOf(zombie).id;
      expect(next).to.not.equal(old);
      const rows = await on.query<{ executor_id: string }>(
        `select w.executor_id from apiary.workflow_status w join effect e using (workflow_id) where e.step = 'direct'`,
      );
      expect(rows).to.deep.equal([{ executor_id: next }]);

      await on.query('update apiary.executor set fenced = true, settled = true where executor_id = $1', [next]);
      executorOf(zombie).lease.renewed(performance.now() + 3_600_000);
      const { workflowId } = await zombie.start(Flows).writes('x');
      expect(refusals).to.deep.equal(['user', 'journal']);
      expect((await on.workflow(workflowId))?.executor_id)
        .to.equal(executorOf(zombie).id)
        .and.not.to.equal(next);
      expect(await zombie.handle(workflowId).result()).to.equal(1);
    });
  });
}

describe('4.6: the check of the fence in a transaction', function () {
  let on: Setting;
  before(async () => {
    on = await Setting.make();
  });
  after(() => on[Symbol.asyncDispose]());

  const code = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'nothing',
      (error: unknown) => (error as { code: string }).code,
    );

  async function executorAndTwo() {
    const { store, id } = executorOf(await on.launch());
    const [one, two] = [await on.connect(), await on.connect()];
    await two.query(`set lock_timeout = '300ms'`);
    return { id, sql: store.sql, one, two };
  }

  it('4.6: a renewal does not wait for it, a takeover does', async () => {
    const { id, sql, one, two } = await executorAndTwo();
    await one.query('begin isolation level serializable');
    await one.query(sql.fenceCheck, [id]);
    await two.query(sql.tick, [id, 600, 'test']);
    expect(await code(two.query(sql.supersede, [id]))).to.equal('55P03');
    await one.query('rollback');
    await two.query(sql.supersede, [id]);
  });

  for (const isolation of ['serializable', 'repeatable read', 'read committed'] as const) {
    it(`4.6: a transaction whose snapshot is older than the fence is stopped when it locks the row after the takeover (${isolation})`, async () => {
      const { id, sql, one, two } = await executorAndTwo();
      await one.query(`begin isolation level ${isolation}`);
      await one.query('select count(*) from effect');
      await two.query('update apiary.executor set fenced = true where executor_id = $1', [id]);
      await two.query(sql.supersede, [id]);
      expect(await code(one.query(sql.fenceCheck, [id]))).to.be.oneOf(isolation === 'read committed' ? ['APF01'] : ['40001']);
      await one.query('rollback');
    });
  }
});
