import { Communicator, Service, Transaction, Workflow, now, random, randomUUID, sleep, sql, start, workflowId } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { commits, executes, until, type RequestFlight } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, rejected, Trace } from '../support/engine.js';
import { Gates } from '../support/gates.js';

/** Workflows whose end is durable. */
let recorded: () => readonly string[] = () => [];
let recordedAtDelivery: readonly string[] = [];
const gates = new Gates();

@Service()
class Steps {
  @Transaction()
  async write(label: string): Promise<string> {
    await gates.at(`write ${label}`);
    await note(label);
    return label;
  }
  @Transaction({ readOnly: true })
  async read(): Promise<number> {
    return (await sql<{ n: number }>`select count(*)::int as n from spot`.one()).n;
  }
  @Communicator()
  async call(label: string): Promise<string> {
    await gates.at(`call ${label}`);
    return label;
  }
  @Communicator()
  async big(bytes: number): Promise<string> {
    await gates.at('big');
    return 'x'.repeat(bytes);
  }
  @Transaction()
  async sends(fails: boolean): Promise<string> {
    await note('sends');
    await start(Flows, { workflowId: `${workflowId()}-sent` }).writes('sent');
    await gates.at('sent');
    if (fails) throw new RangeError('rolled back');
    return 'sent';
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  /** What nobody can have observed, up to a gate. */
  async #unobserved(): Promise<void> {
    await this.steps.read();
    now();
    random();
    randomUUID();
    await gates.at('unobserved');
  }
  @Workflow()
  async unobserved(then: 'write' | 'call' | 'sleep' | 'start' | 'end'): Promise<string> {
    await this.#unobserved();
    if (then === 'write') return this.steps.write('w');
    if (then === 'call') return this.steps.call('c');
    if (then === 'sleep') await sleep(1);
    if (then === 'start') await start(Flows).writes('child');
    return 'done';
  }
  @Workflow()
  async callThenGate(): Promise<string> {
    const answer = await this.steps.call('c');
    await gates.at('after call');
    return answer;
  }
  @Workflow()
  async writes(label: string): Promise<string> {
    return this.steps.write(label);
  }
  @Workflow()
  async readWrite(): Promise<string> {
    await this.steps.read();
    return this.steps.write('w');
  }
  @Workflow()
  async both(second: 'call' | 'write' | 'read' | 'sleep' | 'child' | 'start'): Promise<string[]> {
    const one = this.steps.write('one');
    await gates.at('second');
    const two = {
      call: () => this.steps.call('two'),
      write: () => this.steps.write('two'),
      read: async () => String(await this.steps.read()),
      child: () => this.writes('two'),
      sleep: async () => {
        await sleep(1);
        return 'two';
      },
      start: async () => {
        await start(Flows).writes('two');
        return 'two';
      },
    }[second];
    return Promise.all([one, two()]);
  }
  @Workflow()
  async parent(): Promise<string> {
    const inner = await this.readWrite();
    recordedAtDelivery = recorded();
    await gates.at('child delivered');
    return inner + (await this.steps.write('parent'));
  }
  @Workflow()
  async sender(fails: boolean): Promise<string> {
    return this.steps.sends(fails);
  }
}

const journals = executes(/^(?:insert into|copy) "apiary"|^with u as/);
const isJournal = (flight: RequestFlight): boolean => journals(flight) && !commits(flight);

describe('4.3 deferral', () => {
  let engine: Engine;
  const trace = new Trace();
  recorded = () => trace.of('run:recorded').map(({ workflowId }) => workflowId);
  before(async () => {
    engine = await Engine.start({ services: [Flows], linger: '10 seconds' }, { proxied: true, internals: { probe: trace.probe } });
  });
  after(() => engine.close());
  beforeEach(async () => {
    await engine.clear();
    gates.reset();
    trace.clear();
  });
  afterEach(async () => {
    gates.reset();
    await engine.proxy.heal();
    await engine.expectEffectsRecorded();
  });

  const rows = async (id: string): Promise<string[]> => [
    ...((await engine.row(id)) === undefined ? [] : [`start ${(await engine.row(id))?.status}`]),
    ...(await engine.records(id)).map((r) => `${r.step_id} ${r.name}`),
  ];
  const unobserved = ['0 Steps.read', '1 now', '2 random', '3 randomUUID'];

  for (const then of ['write', 'call', 'sleep', 'start', 'end'] as const) {
    it(`4.3: what nobody has observed is durable at the barrier (${then}), and not before`, async () => {
      const id = `unobserved-${then}`;
      gates.close('unobserved', 'call c');
      const outcome = engine.app.start(Flows, { workflowId: id }).unobserved(then).result();
      await gates.reached('unobserved');
      expect(await rows(id)).deep.equal([]);
      gates.open('unobserved');
      if (then === 'call') {
        await gates.reached('call c');
        expect(await rows(id), 'when the communicator starts').deep.equal(['start PENDING', ...unobserved]);
        gates.open('call c');
      }
      await outcome;
      const last = { write: ['4 Steps.write'], call: ['4 Steps.call'], sleep: ['4 sleep'], start: ['4 start(Flows.writes)'], end: [] }[then];
      expect(await rows(id)).deep.equal(['start SUCCESS', ...unobserved, ...last]);
      if (then === 'write') {
        const { rows: xids } = await engine.admin.query('select xid from apiary.function_status where workflow_id = $1 union select xid from ledger', [id]);
        expect(xids.length, 'one commit').equal(1);
      }
    });
  }

  it('4.3: app.start returns when the row is durable', async () => {
    gates.close('write w');
    const handle = await engine.app.start(Flows, { workflowId: 'started' }).writes('w');
    expect(await rows('started')).deep.equal(['start PENDING']);
    gates.open('write w');
    expect(await handle.result()).equal('w');
  });

  it("4.3: a communicator's record that nothing carries goes to the journal by itself after the linger time", async () => {
    await using other = await Engine.start({ services: [Flows], linger: '10 ms' });
    gates.close('after call');
    const outcome = other.app.start(Flows, { workflowId: 'lingers' }).callThenGate().result();
    await gates.reached('after call');
    await until('its record is durable', async () => (await other.records('lingers')).length === 1);
    gates.open('after call');
    expect(await outcome).equal('c');
  });

  it('4.3: until then it waits for company', async () => {
    gates.close('after call');
    const outcome = engine.app.start(Flows, { workflowId: 'waits' }).callThenGate().result();
    await gates.reached('after call');
    // Others' traffic passes meanwhile.
    for (let i = 0; i < 3; i++) await engine.app.get(Steps).call('x');
    expect(await rows('waits')).deep.equal(['start PENDING']);
    gates.open('after call');
    await outcome;
    expect(await rows('waits')).deep.equal(['start SUCCESS', '0 Steps.call']);
  });

  it('4.3: rows of a write that rolled back return to the buffer, and the next carrier takes them', async () => {
    const failed = engine.proxy.add({ on: 'request', is: (flight) => commits(flight) && journals(flight), fault: { kind: 'cut', at: 'before' } });
    expect(await engine.app.start(Flows, { workflowId: 'returns' }).readWrite().result()).equal('w');
    expect(
      (await failed.hit).statements.filter((text) => text.startsWith('insert into "apiary"')).length,
      'it carried one row, complete with its records',
    ).equal(1);
    expect(await rows('returns')).deep.equal(['start SUCCESS', '0 Steps.read', '1 Steps.write']);
    expect(await engine.ledger()).deep.equal(['w']);
    expect((await engine.records('returns'))[0]?.attempts, 'the read did not run again').equal(1);
    expect(trace.of('step:before').filter((s) => s.name === 'Steps.read').length).equal(1);
  });

  for (const second of ['call', 'write', 'read', 'sleep', 'child', 'start'] as const) {
    it(`4.3: nothing is begun or sent while the start row is in a sibling's flight under way (${second})`, async () => {
      const id = `both-${second}`;
      gates.close('second');
      const held = engine.proxy.add({ on: 'request', is: commits, fault: { kind: 'hold request' } });
      const outcome = engine.app.start(Flows, { workflowId: id }).both(second).result();
      const hit = await held.hit;
      expect(
        hit.statements.some((text) => text.includes('workflow_status')),
        'the start row is in it',
      ).equal(true);
      trace.clear();
      gates.open('second');
      // Whatever could be sent or begun by now would be: other work passes, in order.
      for (let i = 0; i < 3; i++) await engine.app.get(Steps).call('x');
      const begun = trace.of('step:before').filter((s) => s.workflowId.startsWith(id));
      expect(begun, 'steps begun').deep.equal([]);
      expect([await rows(id), (await engine.admin.query(`select from apiary.workflow_status where parent_id = $1`, [id])).rowCount]).deep.equal([[], 0]);
      held.release();
      const [one, two] = await outcome;
      expect([one, second === 'read' ? 'two' : two]).deep.equal(['one', 'two']);
      expect((await rows(id))[0]).equal('start SUCCESS');
    });
  }

  it('4.3: a step called beside an unsettled one waits, before its BEGIN, until the start row is durable by the journal', async () => {
    gates.close('write one');
    const held = engine.proxy.add({ on: 'request', is: isJournal, fault: { kind: 'hold request' } });
    const outcome = engine.app.start(Flows, { workflowId: 'siblings' }).both('write').result();
    await gates.reached('write one');
    await held.hit;
    expect(
      trace.of('step:before').map((s) => s.stepId),
      'only the first has begun',
    ).deep.equal(['0']);
    // The first one comes to its end while the journal has the start row: it waits for the journal, and carries no row twice.
    gates.open('write one');
    await until('its transaction is at its end', () => trace.of('step:returned').length === 1);
    for (let i = 0; i < 3; i++) await engine.app.get(Steps).write('other');
    expect(await engine.ledger('siblings'), 'it has not committed').deep.equal([]);
    held.release();
    expect(await outcome).deep.equal(['one', 'two']);
    expect(await rows('siblings')).deep.equal(['start SUCCESS', '0 Steps.write', '1 Steps.write']);
    expect(trace.of('run:void')).deep.equal([]);
  });

  it("4.3: a parent's record of a child's result comes with or after the child's outcome", async () => {
    gates.close('child delivered');
    const outcome = engine.app.start(Flows, { workflowId: 'parent' }).parent().result();
    await gates.reached('child delivered');
    // Delivered to the parent: the child's outcome is durable, the parent's record of it need not be yet.
    expect(recordedAtDelivery).deep.equal(['parent-0']);
    expect(await rows('parent-0')).deep.equal(['start SUCCESS', '0 Steps.read', '1 Steps.write']);
    expect(await rows('parent')).deep.equal(['start PENDING']);
    gates.open('child delivered');
    expect(await outcome).equal('ww'.slice(0, 1) + 'parent');
    expect(await rows('parent')).deep.equal(['start SUCCESS', '0 Flows.readWrite', '1 Steps.write']);
  });

  it('4.3: starts in a @Transaction ride its final flight: there when it commits, nowhere when it rolls back', async () => {
    gates.close('sent');
    const outcome = engine.app.start(Flows, { workflowId: 'outbox' }).sender(false).result();
    await gates.reached('sent');
    expect(await engine.row('outbox-sent')).equal(undefined);
    gates.open('sent');
    expect(await outcome).equal('sent');
    expect((await engine.row('outbox-sent'))?.xid).equal((await engine.records('outbox'))[0]?.xid);
    expect(await engine.app.handle('outbox-sent').result()).equal('sent');
    expect(await rejected(engine.app.start(Flows, { workflowId: 'outbox-2' }).sender(true).result())).include({ message: 'rolled back' });
    expect(await engine.row('outbox-2-sent')).equal(undefined);
    expect(await engine.ledger()).deep.equal(['sends', 'sent']);
  });

  it('4.3: the journal flushes at once when idle, and gathers while it is busy', async () => {
    const { journal } = runningOf(engine.app).executor;
    const held = engine.proxy.add({ on: 'request', is: isJournal, fault: { kind: 'hold request' } });
    const first = engine.app.get(Steps).call('first');
    await held.hit;
    const { batches } = journal.counters;
    const rest = Array.from({ length: 20 }, (_, i) => engine.app.start(Steps, { workflowId: `gathered-${i}` }).call(`g${i}`));
    await until('all have looked their ids up', () => trace.of('flight:answered').filter((f) => f.connection === 'system').length > 0);
    held.release();
    await first;
    await Promise.all(rest.map(async (started) => (await started).result()));
    expect(journal.counters.batches - batches, 'batches for 41 groups').lessThan(12);
  });

  it('4.3: a lock that somebody holds on a key holds up its own group only, and that one gets through in the end', async () => {
    await engine.admin.query(
      `begin; insert into apiary.workflow_status (workflow_id, name, kind, status, input_hash, app_version) values ('locked', 'x', 'workflow', 'PENDING', 'x', 'other')`,
    );
    try {
      const blocked = engine.app.start(Steps, { workflowId: 'locked' }).call('blocked').result();
      await until('the journal has met the lock', async () => {
        const { rows: waiting } = await engine.admin.query(
          `select from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database()`,
        );
        return waiting.length > 0;
      });
      for (let i = 0; i < 3; i++) expect(await engine.app.get(Steps).call(`free ${i}`)).equal(`free ${i}`);
      expect(await engine.app.get(Flows).unobserved('sleep')).equal('done');
      expect(gates.visits('call blocked')).equal(0);
      await engine.admin.query('rollback');
      expect(await blocked).equal('blocked');
    } finally {
      await engine.admin.query('rollback');
    }
  });

  it('4.3: unflushed bytes are bounded: above the bound new steps wait until there is room', async () => {
    gates.close('big');
    const bulk = Array.from({ length: 20 }, () => engine.app.get(Steps).big(3_900_000));
    await gates.reached('big', 20);
    const held = engine.proxy.add({ on: 'request', is: isJournal, fault: { kind: 'hold request' } });
    const plug = engine.app.get(Steps).call('plug');
    await held.hit;
    gates.open('big');
    const { journal } = runningOf(engine.app).executor;
    await until('there is no room', () => journal.room() !== undefined);
    trace.clear();
    const late = engine.app.get(Steps).write('late');
    for (let i = 0; i < 20; i++) await engine.admin.query('select');
    expect(
      trace.of('step:before').filter((s) => s.name === 'Steps.write'),
      'it waits',
    ).deep.equal([]);
    held.release();
    expect(await late).equal('late');
    expect(await plug).equal('plug');
    expect((await Promise.all(bulk)).map((text) => text.length)).deep.equal(Array.from({ length: 20 }, () => 3_900_000));
    expect(journal.room()).equal(undefined);
  });
});
