import { Communicator, Service, sleep, sql, Transaction, Workflow } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { checkInvariants, createTestApp, type TestApp } from '@apiary/testing';
import { until } from '@apiary/testing/internal';
import '@apiary/testing/chai';
import { expect } from 'chai';
import type { Knex } from 'knex';

const migrations = (knex: Knex) => knex.schema.createTable('note', (t) => void t.text('text'));

@Service()
class Notes {
  @Transaction()
  async add(text: string): Promise<void> {
    await sql`insert into note values (${text})`;
  }
  @Communicator()
  async tell(): Promise<string> {
    return 'told';
  }
  /** Forgets a lock of the session. */
  @Transaction()
  async lock(key: number): Promise<void> {
    await sql`select pg_advisory_lock(${key})`;
  }
  @Workflow()
  async child(text: string): Promise<string> {
    await this.add(text);
    return this.tell();
  }
  @Workflow()
  async parent(): Promise<string> {
    await this.add('before');
    const told = await this.child('in the child');
    await this.add('after');
    return told;
  }
  @Workflow()
  async fails(): Promise<void> {
    await this.add('before');
    throw new Error('out of stock');
  }
  @Workflow()
  async sleeps(): Promise<void> {
    await this.add('before');
    await sleep('30 days');
    await this.add('after');
  }
}

/** The shortest lease: what does not pass is told soon. */
const config = { services: [Notes], migrations, lease: '300 ms', poll: '100 ms', version: 'test' } as const;

async function used(): Promise<TestApp> {
  const app = await createTestApp(config);
  await app.start(Notes, { workflowId: 'parent' }).parent().result();
  await app
    .start(Notes, { workflowId: 'fails' })
    .fails()
    .result()
    .catch(() => {});
  const sleeps = await app.start(Notes, { workflowId: 'sleeps' }).sleeps();
  await until('it is parked', async () => (await sleeps.info()).wakeAt !== undefined);
  return app;
}

async function found(app: TestApp): Promise<string> {
  return checkInvariants(app).then(
    () => '',
    (error: unknown) => (error as Error).message,
  );
}

describe('checkInvariants', () => {
  it('finds nothing in an app that works, whatever its workflows wait for', async () => {
    await using app = await used();
    await checkInvariants(app);
    app.crashAt(Notes, 'add', 'before record');
    await app.start(Notes, { workflowId: 'crashed' }).parent();
    await app.recover();
    await app.clock.runToIdle();
    await checkInvariants(app);
    expect(await app.handle('crashed').status()).to.equal('SUCCESS');
  });

  const rows: readonly [what: string, damage: string, told: string][] = [
    ['a record without its workflow', `delete from apiary.workflow_status where workflow_id = 'sleeps'`, 'record: a record has no workflow'],
    ['a child that is gone', `delete from apiary.workflow_status where parent_id = 'parent'`, 'record: a child was started or awaited'],
    ['a parent that is gone', `delete from apiary.workflow_status where workflow_id = 'parent'`, 'record: a child has no parent'],
    [
      'a result that is not that of the child',
      `update apiary.workflow_status set output = '"lied"' where parent_id = 'parent'`,
      "record: the record of a child's result",
    ],
    [
      'a record that a direct call cannot have',
      `update apiary.workflow_status set kind = 'transaction' where workflow_id = 'fails'`,
      'record: a direct call of a step',
    ],
    [
      'a record that is lost',
      `delete from apiary.function_record where workflow_id = 'parent' and step_id = '1'`,
      'dense: a step of a workflow that has ended has no record',
    ],
    ['two records at one place', `update apiary.function_record set completed_at = 1 where workflow_id = 'parent'`, 'dense: two records'],
    ['a record of a later epoch', `update apiary.function_record set epoch = 7 where workflow_id = 'sleeps'`, 'dense: a record is of a later epoch'],
    ['a success with an error', `update apiary.workflow_status set error = 'x' where workflow_id = 'parent'`, 'outcome: the outcome of a workflow'],
    ['an error without one', `update apiary.workflow_status set error = null where workflow_id = 'fails'`, 'outcome: the outcome of a workflow'],
    ['an outcome that is none yet', `update apiary.workflow_status set output = '1' where workflow_id = 'sleeps'`, 'outcome: the outcome of a workflow'],
    ['an end that is to be woken', `update apiary.workflow_status set wake_at = now() where workflow_id = 'fails'`, 'outcome: a workflow that has ended'],
    ['a workflow that nobody wakes', `update apiary.workflow_status set wake_at = null where workflow_id = 'sleeps'`, 'stuck: a workflow waits for nothing'],
    [
      'a workflow of a version that nobody runs, long due',
      `update apiary.workflow_status set wake_at = now() - interval '1 day', app_version = 'other' where workflow_id = 'sleeps'`,
      'stuck: a workflow was to be woken',
    ],
    [
      'a workflow of an executor that nobody takes over',
      `update apiary.workflow_status set executor_id = 'nobody', wake_at = null where workflow_id = 'sleeps'`,
      'stuck: the executor of a workflow is dead',
    ],
  ];
  for (const [what, damage, told] of rows) {
    it(`tells ${what}`, async () => {
      await using app = await used();
      const { rowCount } = await app.knex.raw<{ rowCount: number }>(damage);
      expect(rowCount).to.be.above(0);
      expect(await found(app)).to.include(told);
    });
  }

  it('tells all that it finds, with the rows', async () => {
    await using app = await used();
    await app.knex.raw(`update apiary.workflow_status set error = null where workflow_id = 'fails'`);
    await app.knex.raw(`update apiary.workflow_status set wake_at = null where workflow_id = 'sleeps'`);
    expect(await found(app)).to.match(/^2 invariant\(s\) broken\noutcome: .*\n.*"workflow_id":"fails".*\nstuck: .*\n.*"workflow_id":"sleeps"/);
  });

  it('tells a transaction that was left open, and its connection', async () => {
    await using app = await used();
    const transaction = await app.knex.transaction();
    await transaction('note').select();
    const text = await found(app);
    expect(text).to.include('leak: a transaction was left open');
    expect(text).to.include('leak: a connection was not given back');
    await transaction.rollback();
    await checkInvariants(app);
  });

  it('tells a lock that a session kept', async () => {
    await using app = await used();
    await app.get(Notes).lock(17);
    expect(await found(app)).to.match(/leak: an advisory lock was left\n.*"objid":"17"/);
  });

  it('tells timers that go on', async () => {
    await using app = await used();
    const { clock } = runningOf(app).executor;
    const timers = [1, 2].map((days) => clock.setTimer(clock.now() + days * 86_400_000, () => {}));
    expect(await found(app)).to.include('leak: a timer goes on though nothing runs');
    for (const timer of timers) timer.cancel();
    await checkInvariants(app);
  });

  it('tells a workflow that its executor forgot', async () => {
    await using app = await used();
    const { executor } = runningOf(app);
    // The sweep would find it.
    Object.assign(runningOf(app).poll, { sweep: async () => {} });
    await app.knex.raw(`update apiary.workflow_status set executor_id = '${executor.executorId}', wake_at = null where workflow_id = 'sleeps'`);
    expect(await found(app)).to.match(/^1 invariant\(s\) broken\nstuck: this executor owns a workflow and does not run it\n.*"sleeps"/);
  });

  it('refuses an app whose executor is dead', async () => {
    await using app = await used();
    app.crash();
    expect(await found(app)).to.include('the executor of this app is dead');
  });
});
