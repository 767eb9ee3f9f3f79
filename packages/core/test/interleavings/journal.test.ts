/** Schedules around the journal and the buffers. */
import { Communicator, Procedure, Service, Transaction, Workflow, isApiaryError, sql, start } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { executes, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, rejected, Trace } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  @Communicator()
  async say(text: string): Promise<string> {
    await gates.at(`said ${text}`);
    return text;
  }
  @Transaction()
  async slow(): Promise<string> {
    await note('slow');
    await gates.at('slow');
    return 'slow';
  }
  @Transaction()
  async startsEarly(): Promise<string> {
    const { workflowId } = await start(Flows, { workflowId: 'order-17' }).nothing();
    await note('starts early');
    await gates.at('frozen');
    return workflowId;
  }
  @Transaction()
  async waitsForItsOutbox(): Promise<void> {
    await start(Flows).nothing().result();
  }
  @Procedure()
  large(size: number) {
    return sql.batch(
      sql`insert into ledger (workflow_id, step) values ('large', 'large')`,
      sql<{ text: string }>`select repeat('x', ${size}::int) as text`.one(),
    );
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async nothing(): Promise<void> {}
  @Workflow()
  async says(n: number): Promise<string> {
    let all = '';
    for (let i = 0; i < n; i++) all += await this.steps.say(String(i));
    return all;
  }
  @Workflow()
  async stuck(): Promise<string> {
    const first = await this.steps.say('stuck');
    return `${first} ${await this.steps.say('then')}`;
  }
  @Workflow()
  async saysThenSlow(): Promise<string> {
    return `${await this.steps.say('hello')} ${await this.steps.slow()}`;
  }
  @Workflow()
  async large(size: number): Promise<number> {
    return (await this.steps.large(size)).text.length;
  }
}

describe('interleavings of the journal', () => {
  let engine: Engine;
  const trace = new Trace();
  before(async () => {
    engine = await Engine.start({ services: [Flows] }, { proxied: true, internals: { probe: trace.probe } });
  });
  after(() => engine.close());
  beforeEach(async () => {
    gates.reset();
    trace.clear();
    await engine.clear();
  });

  it('INTERLEAVING 3: nobody is told an outcome whose commit is not answered', async () => {
    const held = engine.proxy.add({ on: 'request', is: executes(/^commit/), fault: { kind: 'hold request' } });
    let told = false;
    const running = engine.app
      .get(Steps)
      .slow()
      .finally(() => (told = true));
    await held.hit;
    await engine.app
      .handle('nobody')
      .status()
      .catch(() => {}); // the loop has turned, and the database has answered others
    expect(told).equal(false);
    expect(await engine.ledger()).deep.equal([]);
    held.release();
    expect(await running).equal('slow');
    expect(await engine.ledger()).deep.equal(['slow']);
  });

  it('4.3: of many runs that one batch made durable, half go on before the others are told: the next batch leaves meanwhile', async () => {
    gates.close('said 0');
    const runs = Array.from({ length: 64 }, () => engine.app.get(Flows).says(3));
    await gates.reached('said 0', 64);
    trace.clear();
    gates.open('said 0');
    expect(await Promise.all(runs)).deep.equal(Array.from({ length: 64 }, () => '012'));
    let goneOn = 0;
    const before: number[] = [];
    for (const { point, detail } of trace.points) {
      if (point === 'step:before' && (detail as { stepId: string }).stepId === '1') goneOn++;
      if (point === 'flight:written' && (detail as { connection: string }).connection === 'journal') before.push(goneOn);
    }
    expect(before.slice(0, 2), 'runs that were told, at each batch').deep.equal([0, 32]);
    expect(goneOn).equal(64);
  });

  it('INTERLEAVING 6: a transaction that started a workflow and then stands still holds up nobody', async () => {
    gates.close('frozen');
    const frozen = engine.app.get(Steps).startsEarly();
    await gates.reached('frozen');
    await engine.app.start(Flows, { workflowId: 'order-17' }).nothing().result();
    expect(await engine.app.get(Flows).says(3)).equal('012');
    const lease = async (): Promise<number> => Number((await engine.admin.query('select max(lease_counter) as n from apiary.executor')).rows[0].n);
    const before = await lease();
    await until('the lease is renewed meanwhile', async () => (await lease()) > before);
    gates.open('frozen');
    expect(await frozen).equal('order-17');
    expect((await engine.row('order-17'))?.status).equal('SUCCESS');
    expect(trace.of('run:started').filter((r) => r.workflowId === 'order-17')).length(1);
  });

  it('INTERLEAVING 11: a batch whose answer was lost is known as an own earlier attempt, and no run is void', async () => {
    const lost = engine.proxy.add({ on: 'request', is: executes(/^(?:insert into|copy) "apiary"\.workflow_status/), fault: { kind: 'lose answer' } });
    const results = await Promise.all(Array.from({ length: 50 }, () => engine.app.get(Flows).says(3)));
    expect(results).deep.equal(Array<string>(50).fill('012'));
    const hit = await lost.hit;
    expect(hit.answer[0], 'the server had committed it').equal('COPY 50');
    expect(trace.of('run:void')).deep.equal([]);
    const { rows } = await engine.admin.query(
      `select count(*)::int as n from apiary.function_status where name = 'Steps.say' group by workflow_id having count(*) <> 3`,
    );
    expect(rows).deep.equal([]);
  });

  it('INTERLEAVING 19: the record of a communicator goes by itself while a slow transaction is open, and has one carrier', async () => {
    gates.close('slow');
    const running = engine.app.start(Flows, { workflowId: 'w' }).saysThenSlow().result();
    await gates.reached('slow');
    await until('its record is durable', async () => (await engine.records('w')).some((r) => r.name === 'Steps.say'));
    gates.open('slow');
    expect(await running).equal('hello slow');
    expect((await engine.records('w')).map((r) => r.name)).deep.equal(['Steps.say', 'Steps.slow']);
    expect(trace.of('run:void')).deep.equal([]);
  });

  it('INTERLEAVING 20: a thousand callers of one new id share one look-up and one run', async () => {
    const before = trace.of('flight:before').length;
    const results = await Promise.all(Array.from({ length: 1000 }, () => engine.app.start(Flows, { workflowId: 'shared' }).says(2).result()));
    expect(new Set(results)).deep.equal(new Set(['01']));
    const sent = trace
      .of('flight:before')
      .slice(before)
      .flatMap((f) => f.statements.map((s) => s.text));
    expect(sent.filter((text) => text.includes('where w.workflow_id = any') && !text.includes('terminal')).length).equal(1);
    expect(trace.of('run:started').filter((r) => r.workflowId === 'shared')).length(1);
  });

  it('INTERLEAVING 23: while a batch is split because of one row, no later group of a workflow overtakes an earlier one', async () => {
    const { journal } = runningOf(engine.app).executor;
    const splits = journal.counters.splits;
    gates.close('said stuck');
    const poisoned = Array.from({ length: 5 }, (_, i) => `poison-${i}`);
    const stuck = poisoned.map((workflowId) => rejected(engine.app.start(Flows, { workflowId }).stuck().result()));
    await gates.reached('said stuck', 5);
    // Somebody else claimed these: whatever this executor still writes for them has to fail, alone.
    await engine.admin.query(`update apiary.workflow_status set epoch = epoch + 1, status = 'CANCELLED', error = $2 where workflow_id = any($1)`, [
      poisoned,
      '{"$apiary":1,"name":"Error","message":"taken"}',
    ]);
    const load = Promise.all(Array.from({ length: 100 }, () => engine.app.get(Flows).says(4)));
    gates.open('said stuck');
    expect(await load).deep.equal(Array<string>(100).fill('0123'));
    for (const error of await Promise.all(stuck)) expect(error.message).equal('taken');
    expect(journal.counters.splits, 'a batch was split').greaterThan(splits);
    const { rows } = await engine.admin
      .query(`select workflow_id from apiary.function_status where name = 'Steps.say' and workflow_id not like 'poison%' and workflow_id not in ('w', 'shared')
      group by workflow_id having max(step_id::int) <> count(*) - 1`);
    expect(rows, 'histories are dense').deep.equal([]);
  });

  it('INTERLEAVING 24: a procedure whose output is over the limit is refused in its own statement, and leaves no effect', async () => {
    for (const call of [() => engine.app.get(Steps).large(5_000_000) as Promise<unknown>, () => engine.app.get(Flows).large(5_000_000)]) {
      const error = await rejected(call());
      expect(isApiaryError(error, 'PAYLOAD_TOO_LARGE')).equal(true);
      expect(error.details).include({ limit: 4 << 20 });
    }
    expect(await engine.ledger()).deep.equal([]);
    expect(await engine.app.get(Flows).large(5)).equal(5);
    expect(await engine.ledger()).deep.equal(['large']);
  });

  it('INTERLEAVING 15: a transaction that waits for its own outbox, and a workflow that waits for itself, are refused', async () => {
    expect(await rejected(engine.app.get(Steps).waitsForItsOutbox())).include({ code: 'FORBIDDEN_CALL' });
  });

  it('INTERLEAVING 10: the late end of a superseded run does not touch the outcome of its successor', async () => {
    gates.close('said stuck');
    const { executor } = runningOf(engine.app);
    const handle = await engine.app.start(Flows, { workflowId: 'aba' }).stuck();
    await gates.reached('said stuck');
    await handle.cancel();
    await handle.resume();
    expect(await handle.status(), 'it runs: there is nothing to resume').equal('PENDING');
    // As if its end had been written by somebody else meanwhile.
    await engine.admin.query(`update apiary.workflow_status set status = 'CANCELLED', cancel_requested = false where workflow_id = 'aba'`);
    await handle.resume();
    await gates.reached('said stuck', 2);
    gates.open('said stuck');
    expect(await engine.app.handle('aba').result()).equal('stuck then');
    expect((await engine.row('aba'))?.epoch).equal(2);
    await until('the first run has ended too', () => executor.active === 0);
    expect((await engine.row('aba'))?.status).equal('SUCCESS');
    expect((await engine.records('aba')).every((r) => r.epoch === 2)).equal(true);
  });
});

it('a group that comes after the shutdown fails at once: nobody would write it, and nobody waits for ever', async () => {
  await using engine = await Engine.start({ services: [Flows] });
  const { journal } = runningOf(engine.app).executor;
  await engine.app.shutdown({ grace: 0 });
  const cargo = { starts: [], records: [], outcomes: [], parks: [], foreign: [] };
  const told = await new Promise<unknown>((resolve) => {
    journal.push({ cargo, bytes: 1, wanted: () => true, durable: () => resolve('durable'), failed: resolve });
  });
  expect(isApiaryError(told, 'SHUTTING_DOWN'), String(told)).equal(true);
  await journal.idle();
});

it('L8: a direct communicator whose lease ended while its start became durable is not called until the lease is live again', async () => {
  gates.reset();
  await using engine = await Engine.start({ services: [Flows], lease: '1 minute', poll: '20 seconds' }, { proxied: true });
  const start = engine.proxy.add({ on: 'request', is: executes(/insert into "apiary".workflow_status/), fault: { kind: 'hold answer' } });
  const said = engine.app.get(Steps).say('late');
  await start.hit;
  const { lease, journal } = runningOf(engine.app).executor;
  lease.lost();
  start.release();
  await journal.idle();
  for (let turns = 0; turns < 100; turns++) await new Promise((next) => setImmediate(next));
  expect(gates.visits('said late'), 'another executor may have called it by now').equal(0);
  lease.renewed(performance.now());
  expect(await said).equal('late');
  expect(gates.visits('said late')).equal(1);
});
