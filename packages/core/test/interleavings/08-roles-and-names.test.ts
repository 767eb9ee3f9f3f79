import { randomBytes } from 'node:crypto';
import { Service, Transaction, sql, workflowId } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Flows, WITNESS } from '../support/recovery/flows.js';
import { gates } from '../support/recovery/gates.js';
import { Setting, die, executorOf } from '../support/recovery/setting.js';

@Service()
class Renamed {
  /** Leaves a session that calls itself something else, and stops in its transaction. */
  @Transaction({ isolation: 'read committed' })
  async write(gate: string): Promise<string> {
    await sql`select set_config('application_name', 'somebody else', false)`;
    await sql`insert into effect (workflow_id, step, pid) values (${workflowId()}, 'renamed', ${process.pid})`;
    await gates.at(gate);
    return 'written';
  }
}

describe('INTERLEAVING 8: whose connection it is does not depend on names', function () {
  this.timeout(120_000);
  let on: Setting;
  beforeEach(async () => {
    on = await Setting.make();
  });
  afterEach(() => on[Symbol.asyncDispose]());

  it('INTERLEAVING 8: a session that user code renamed is ended all the same', async () => {
    const services = { services: [Flows, Renamed] };
    const zombie = await on.launch(services);
    const old = executorOf(zombie).id;
    const result = zombie.start(Renamed, { workflowId: 'w' }).write('gate').result();
    await gates.reached('gate');
    const [session] = await on.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and application_name = 'somebody else'`,
    );
    await runningOf(zombie).poll.stop();
    await on.launch(services);
    await until('it is superseded and settled', async () => (await on.executor(old)).settled);
    expect(await on.query('select from pg_stat_activity where pid = $1', [session?.pid])).to.have.length(0);
    gates.open('gate');
    expect(await result).to.equal('written');
    expect(await on.steps('w')).to.deep.equal(['renamed']);
    expect((await on.workflow('w'))?.executor_id)
      .to.equal(executorOf(zombie).id)
      .and.not.to.equal(old);
  });

  it('INTERLEAVING 8: connections of a role that may not be ended are reported, and nothing is claimed while they live', async () => {
    const [alice, bob] = ['alice', 'bob'].map((name) => `apiary_test_${name}_${randomBytes(4).toString('hex')}`) as [string, string];
    const logged: { message: string; fields: unknown }[] = [];
    const log = { debug() {}, info() {}, warn() {}, error: (message: string, fields?: unknown) => void logged.push({ message, fields }) };
    const as = (role: string): string => {
      const url = new URL(on.database.connectionString);
      url.username = role;
      url.password = 'secret';
      return url.href;
    };
    await on.launch().then((app) => app.shutdown()); // makes the tables
    for (const role of [alice, bob]) {
      await on.query(`create role ${role} login password 'secret'`);
      await on.query(`alter role ${role} set search_path = apiary, public`);
      await on.query(`grant usage on schema apiary, public to ${role}`);
      await on.query(`grant all on all tables in schema apiary, public to ${role}`);
    }
    try {
      const config = { services: [Flows], provide: [[WITNESS, '']] as never, schemaMigration: 'verify' as const, migrations: undefined };
      const zombie = await on.launch({ ...config, database: as(alice) });
      await zombie.start(Flows, { workflowId: 'w' }).writes('x').result();
      const id = executorOf(zombie).id;
      await zombie.start(Flows, { workflowId: 'v' }).stuck('gate');
      await gates.reached('gate');
      await runningOf(zombie).poll.stop();
      const pids = (await on.query<{ pid: number }>('select pid from pg_stat_activity where usename = $1', [alice])).map((row) => row.pid);
      const taker = await on.launch({ ...config, database: as(bob), log });
      await until('it says so', () => logged.length > 0, { within: 90_000 });
      expect(logged[0]?.message).to.match(/could not be ended; nothing is claimed/);
      expect((logged[0]?.fields as { pids: number[] } | undefined)?.pids).to.satisfy(
        (told: number[]) => told.length > 0 && told.every((pid) => pids.includes(pid)),
      );
      expect((await on.workflow('v'))?.executor_id).to.equal(id);
      expect(await on.executor(executorOf(taker).id), 'its own lease is renewed all the time').to.include({ fenced: false });
      await die(zombie);
      gates.open('gate');
      expect((await on.ended('v')).status).to.equal('SUCCESS');
      await taker.shutdown({ grace: 0 });
    } finally {
      for (const role of [alice, bob]) await on.query(`drop owned by ${role}`).then(() => on.query(`drop role ${role}`));
    }
  });
});
