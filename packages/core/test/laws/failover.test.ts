import { Communicator, Service, Transaction, Workflow, sql } from '@apiary/core';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, rejected, Trace } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Flows {
  @Communicator()
  async call(): Promise<string> {
    await gates.at('call');
    return `call ${gates.visits('call')}`;
  }
  @Transaction({ readOnly: true })
  async read(of: string): Promise<string> {
    await gates.at('read');
    await sql`select count(*) from spot`;
    return `read of ${of}`;
  }
  @Transaction()
  async write(label: string): Promise<string> {
    await note(label);
    return label;
  }
  @Workflow()
  async rests(): Promise<string> {
    const called = await this.call();
    const seen = await this.read(called);
    await gates.at('body');
    return this.write(seen);
  }
}

/** The timeline that the engine reads is that of a table: a function before the server's own in the search path. */
const timeline = `
  create table timeline (name text not null);
  insert into timeline values ('000000010000000000000001');
  create function public.pg_walfile_name(at pg_lsn) returns text language sql stable as 'select name from public.timeline';
  do $$ begin execute format('alter role current_user in database %I set search_path = public, pg_catalog', current_database()); end $$;`;

/** An asynchronous failover: the new primary has another timeline, and lacks what the old one committed last. */
describe('4.5: after an asynchronous failover', () => {
  let engine: Engine;
  const trace = new Trace();
  const voids = () => trace.of('run:void').map(({ workflowId }) => workflowId);
  beforeEach(async () => {
    gates.reset();
    trace.clear();
    engine = await Engine.start({ services: [Flows] }, { schema: timeline, internals: { probe: trace.probe } });
  });
  afterEach(async () => {
    gates.reset();
    await engine.close();
  });

  async function failOver(lost: string): Promise<void> {
    await engine.admin.query(lost);
    await engine.admin.query(`update timeline set name = '000000020000000000000001'`);
    const { rowCount } = await engine.admin.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    expect(rowCount).greaterThan(0);
    const ticks = () =>
      trace.of('flight:answered').filter(({ error, statements }) => error === undefined && statements.some(({ text }) => text.includes('lease_counter + 1')))
        .length;
    const before = ticks();
    await until('it polls as before', () => ticks() >= before + 5);
  }

  it('4.5: what rests on a lost record is dropped with it, the buffer of the run included', async () => {
    gates.close('read', 'body');
    const outcome = engine.app.start(Flows, { workflowId: 'w' }).rests().result();
    outcome.catch(() => {});
    await gates.reached('read');
    await until("the communicator's record is durable", async () => (await engine.records('w')).length === 1);
    gates.open('read');
    await gates.reached('body');
    expect(await engine.records('w'), 'what was read waits in the buffer').length(1);
    await failOver(`delete from apiary.function_record where workflow_id = 'w'`);
    expect(voids()).deep.equal(['w']);
    await Promise.race([gates.reached('body', 2), outcome]);
    gates.open('body');
    expect(await outcome).equal('read of call 2');
    expect(await engine.ledger()).deep.equal(['read of call 2']);
    expect((await engine.records('w')).map(({ name, output }) => `${name} ${output}`)).deep.equal([
      'Flows.call "call 2"',
      'Flows.read "read of call 2"',
      'Flows.write "read of call 2"',
    ]);
    expect([gates.visits('call'), gates.visits('read')]).deep.equal([2, 2]);
  });

  it('4.5: a fork whose row was lost does not begin from scratch: it would lack the records it began with', async () => {
    await engine.app.start(Flows, { workflowId: 'origin' }).rests().result();
    gates.close('body');
    const fork = await engine.app.handle<string>('origin').fork({ from: '2', workflowId: 'fork' });
    await gates.reached('body', 2);
    const outcome = rejected(fork.result());
    await failOver(
      `with gone as (delete from apiary.function_record where workflow_id = 'fork') delete from apiary.workflow_status where workflow_id = 'fork'`,
    );
    expect(voids()).deep.equal(['fork']);
    gates.open('body');
    expect((await outcome).code).equal('NOT_FOUND');
    expect(await engine.ledger()).deep.equal(['read of call 1']);
    expect(await engine.row('fork')).equal(undefined);
    expect(gates.visits('call')).equal(1);
  });
});
