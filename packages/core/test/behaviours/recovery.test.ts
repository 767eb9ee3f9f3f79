import { Communicator, Service, Transaction, Workflow, sleep, sql } from '@apiary/core';
import { Clock, runningOf } from '@apiary/core/internal';
import { crash, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { abandon } from '../support/abandon.js';
import { Engine, note, rejected, Trace } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Flows {
  @Transaction()
  async write(text: string): Promise<string> {
    await note(text);
    return text;
  }
  @Communicator()
  async tell(text: string): Promise<string> {
    await gates.at('tell');
    return text;
  }
  @Workflow()
  async two(): Promise<string> {
    await gates.at('two');
    const first = await this.write('first');
    await this.tell('told');
    await gates.at('between');
    return `${first} ${await this.write('second')}`;
  }
  @Workflow({ maxRecoveries: 1 })
  async stuck(): Promise<string> {
    await gates.at('stuck');
    return this.write('free');
  }
  @Workflow()
  async pauses(ms: number): Promise<string> {
    await sleep(ms);
    await gates.at('paused');
    return this.write('awake');
  }
  @Workflow()
  async needsTable(): Promise<number> {
    await gates.at('needsTable');
    return this.readLate();
  }
  @Transaction()
  async readLate(): Promise<number> {
    return (await sql<{ n: number }>`select count(*)::int as n from made_by_migration`.one()).n;
  }
}

describe('behaviours of recovery', () => {
  const clock = new Clock();
  const trace = new Trace();
  let engine: Engine;
  before(async () => {
    engine = await Engine.start({ services: [Flows] }, { internals: { clock, probe: trace.probe } });
  });
  after(() => engine.close());
  beforeEach(async () => {
    gates.reset();
    trace.clear();
    await engine.clear();
  });
  const counters = async (id: string): Promise<unknown> =>
    (await engine.admin.query('select status, attempts, recoveries, epoch from apiary.workflow_status where workflow_id = $1', [id])).rows[0];

  it('BEHAVIOUR 9: a finished workflow that is marked PENDING is recovered with the same result, and no step runs again', async () => {
    expect(await engine.app.start(Flows, { workflowId: 'b9' }).two().result()).equal('first second');
    await abandon(engine, ['b9']);
    await until('it is recovered', async () => (await engine.row('b9'))?.status === 'SUCCESS');
    expect(await engine.app.handle('b9').result()).equal('first second');
    expect([gates.visits('two'), gates.visits('tell'), await engine.ledger('b9')]).deep.equal([2, 1, ['first', 'second']]);
  });

  it('BEHAVIOUR 10, 73: an executor dies between two steps; another one runs the second only, without client and operator', async () => {
    const dying = await engine.another({ lease: '500 ms', poll: '50 ms' });
    gates.close('between');
    await dying.start(Flows, { workflowId: 'b10' }).two();
    await gates.reached('between');
    await until('the records before the crash are durable', async () => (await engine.records('b10')).length === 2);
    await crash(dying);
    const heir = await engine.another({ lease: '500 ms', poll: '50 ms' });
    await gates.reached('between', 2);
    gates.open('between');
    await until('another executor has finished it', async () => (await engine.row('b10'))?.status === 'SUCCESS');
    expect(await engine.app.handle('b10').result()).equal('first second');
    expect([gates.visits('tell'), await engine.ledger('b10')]).deep.equal([1, ['first', 'second']]);
    await heir.shutdown({ grace: 0 });
  });

  it('BEHAVIOUR 11: more recoveries than allowed make it DEAD; waiting throws DEAD, a start does not run the body, resume resets the count', async () => {
    gates.close('stuck');
    const handle = await engine.app.start(Flows, { workflowId: 'b11' }).stuck();
    await gates.reached('stuck');
    await abandon(engine, ['b11']);
    await gates.reached('stuck', 2);
    await abandon(engine, ['b11']);
    await until('it is dead', async () => (await engine.row('b11'))?.status === 'DEAD');
    const error = await rejected(handle.result());
    expect([error.code, error.details]).deep.equal(['DEAD', { recoveries: 1 }]);
    expect((await rejected(engine.app.start(Flows, { workflowId: 'b11' }).stuck().result())).code).equal('DEAD');
    expect((await engine.app.list({ status: 'DEAD' })).items.map((w) => w.workflowId)).deep.equal(['b11']);
    expect([gates.visits('stuck'), await engine.ledger('b11')]).deep.equal([2, []]);
    gates.open('stuck');
    await engine.app.handle('b11').resume();
    expect(await engine.app.handle('b11').result()).equal('free');
    expect(await counters('b11')).include({ status: 'SUCCESS', attempts: 0 });
  });

  it('BEHAVIOUR 12: starting an id again and again raises no counter', async () => {
    gates.close('two');
    const started = [];
    for (let i = 0; i < 5; i++) started.push(await engine.app.start(Flows, { workflowId: 'b12' }).two());
    expect(await counters('b12')).deep.equal({ status: 'PENDING', attempts: 0, recoveries: 0, epoch: 1 });
    gates.open('two');
    await started[4]?.result();
    for (let i = 0; i < 5; i++) await engine.app.start(Flows, { workflowId: 'b12' }).two().result();
    expect(await counters('b12')).deep.equal({ status: 'SUCCESS', attempts: 0, recoveries: 0, epoch: 1 });
  });

  it('BEHAVIOUR 13: the recovery of one executor touches no row of another, and a second look at the dead one does nothing', async () => {
    const living = await engine.another();
    expect(runningOf(living).executor.id, 'each launch is an executor of its own').not.equal(runningOf(engine.app).executor.id);
    gates.close('two');
    await living.start(Flows, { workflowId: 'b13-living' }).two();
    await engine.app.start(Flows, { workflowId: 'b13-dead' }).two();
    await gates.reached('two', 2);
    const gone = await abandon(engine, ['b13-dead']);
    await gates.reached('two', 3);
    await until(
      'the dead executor is settled',
      async () => (await engine.admin.query('select settled from apiary.executor where executor_id = $1', [gone])).rows[0]?.settled,
    );
    await runningOf(engine.app).poll.now();
    await runningOf(living).poll.now();
    expect((await engine.row('b13-living'))?.executor_id).equal(runningOf(living).executor.id);
    expect([(await engine.row('b13-living'))?.epoch, (await engine.row('b13-dead'))?.epoch, gates.visits('two')]).deep.equal([1, 2, 3]);
    gates.open('two');
    await Promise.all(['b13-living', 'b13-dead'].map((id) => engine.app.handle(id).result()));
    expect([await engine.ledger('b13-living'), await engine.ledger('b13-dead')]).deep.equal([
      ['first', 'second'],
      ['first', 'second'],
    ]);
    await living.shutdown({ grace: 0 });
  });

  it('BEHAVIOUR 14: a workflow that runs here is not run a second time by a sweep, a poll, a start or a resume', async () => {
    gates.close('two');
    const handle = await engine.app.start(Flows, { workflowId: 'b14' }).two();
    await gates.reached('two');
    const { poll } = runningOf(engine.app);
    for (let i = 0; i < 3; i++) {
      await poll.now();
      await poll.sweep();
    }
    const again = await engine.app.start(Flows, { workflowId: 'b14' }).two();
    await handle.resume();
    expect(await engine.app.resume({ workflowId: 'b14' })).equal(0);
    expect(gates.visits('two')).equal(1);
    gates.open('two');
    expect([await handle.result(), await again.result()]).deep.equal(['first second', 'first second']);
    expect(gates.visits('two')).equal(1);
  });

  it('BEHAVIOUR 14: not even when it was claimed while somebody here waited for it by its id alone', async () => {
    const other = await engine.another();
    gates.close('two');
    await other.start(Flows, { workflowId: 'b14-watched' }).two();
    await gates.reached('two');
    const waiting = engine.app.handle('b14-watched').result();
    await other.shutdown({ grace: 0 }); // gives it back; the other app claims it
    await gates.reached('two', 2);
    const joined = engine.app.start(Flows, { workflowId: 'b14-watched' }).two().result();
    const wrong = await rejected(
      (engine.app.start(Flows, { workflowId: 'b14-watched' }) as unknown as { write(text: string): { result(): Promise<unknown> } }).write('x').result(),
    );
    expect(wrong.code).equal('CONFLICT');
    gates.open('two');
    expect(await Promise.all([waiting, joined])).deep.equal(['first second', 'first second']);
    expect(gates.visits('two')).equal(2);
  });

  it('BEHAVIOUR 16: the end of a sleep is kept: a replay after it returns at once, with the record made before', async () => {
    gates.close('paused');
    await engine.app.start(Flows, { workflowId: 'b16' }).pauses(1.5); // fractions of a millisecond are fine
    await gates.reached('paused');
    const before = await engine.records('b16');
    await abandon(engine, ['b16']);
    await gates.reached('paused', 2);
    gates.open('paused');
    expect(await engine.app.handle('b16').result()).equal('awake');
    expect((await engine.records('b16'))[0]).include({ output: before[0]?.output, epoch: 1 });
  });

  it('BEHAVIOUR 16: a sleep of more than 2^31 ms keeps its end too, and takes no memory meanwhile', async () => {
    const ms = 2 ** 31 + 5000;
    const began = clock.now();
    const handle = await engine.app.start(Flows, { workflowId: 'b16-long' }).pauses(ms);
    const parked = await until('it is parked', async () => (await handle.info()).wakeAt);
    expect(parked.getTime() - began).within(ms - 1, ms + 60_000);
    expect(runningOf(engine.app).executor.lifecycle.running.size).equal(0);
    clock.offsetMs = ms - 60_000;
    await runningOf(engine.app).poll.now();
    await runningOf(engine.app).poll.wake();
    expect([(await handle.info()).status, gates.visits('paused')]).deep.equal(['PENDING', 0]);
    clock.offsetMs = ms + 60_000;
    expect(await handle.result()).equal('awake');
    clock.offsetMs = 0;
  });

  it('BEHAVIOUR 17: what another version recorded is left alone, until an executor of that version comes', async () => {
    gates.close('two');
    await engine.app.start(Flows, { workflowId: 'b17' }).two();
    await gates.reached('two');
    await engine.admin.query(`update apiary.workflow_status set app_version = 'older' where workflow_id = 'b17'`);
    const gone = await abandon(engine, ['b17'], 'older');
    await until('two polls have passed', async () => (await runningOf(engine.app).poll.now(), await runningOf(engine.app).poll.now(), true));
    expect((await engine.row('b17'))?.executor_id).equal(gone);
    const older = await engine.another({ version: 'older' });
    await gates.reached('two', 2);
    gates.open('two');
    await until('it is finished', async () => (await engine.row('b17'))?.status === 'SUCCESS');
    expect((await engine.row('b17'))?.executor_id).equal(runningOf(older).executor.id);
    expect(await engine.ledger('b17')).deep.equal(['first', 'second']);
    await older.shutdown({ grace: 0 });
  });

  it('BEHAVIOUR 19: recovery begins after services and migrations: a recovered workflow finds its tables', async () => {
    gates.close('needsTable');
    await engine.app.start(Flows, { workflowId: 'b19' }).needsTable();
    await gates.reached('needsTable');
    await engine.admin.query(`update apiary.workflow_status set app_version = 'next' where workflow_id = 'b19'`);
    await abandon(engine, ['b19'], 'next');
    gates.open('needsTable');
    let visits = 0;
    const app = await engine.another({
      version: 'next',
      migrations: async (knex) => {
        await knex.raw('create table made_by_migration (id int)');
        visits = gates.visits('needsTable');
      },
    });
    expect(await engine.app.handle('b19').result()).equal(0);
    expect(visits, 'the body had not begun when the migrations ran').equal(1);
    await app.shutdown({ grace: 0 });
  });
});
