import { Communicator, Service, Transaction, Workflow, handleOf, now, random, randomUUID, signal, sql, start, workflowId } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { commits, executes, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { resetCautions } from '../support/cautions.js';
import { Engine, note, Trace } from '../support/engine.js';
import { FailingCommits } from '../support/failing-commits.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
let events: string[] = [];
let signals: AbortSignal[] = [];

@Service()
class Steps {
  @Transaction()
  async write(label: string): Promise<string> {
    await gates.at(`write ${label}`);
    await note(label);
    await gates.at(`written ${label}`);
    return label;
  }
  @Transaction({ readOnly: true })
  async read(): Promise<number> {
    await gates.at('read');
    return (await sql<{ n: number }>`select count(*)::int as n from spot`.one()).n;
  }
  /** Another side in each attempt. */
  @Transaction()
  async toss(): Promise<string> {
    await gates.at('toss');
    const side = gates.visits('toss') === 1 ? 'heads' : 'tails';
    await note(side);
    return side;
  }
  @Communicator()
  async call(label: string): Promise<string> {
    await gates.at(`call ${label}`);
    return label;
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async careful(): Promise<string> {
    await gates.at('body');
    signals.push(signal());
    signal().addEventListener('abort', () => events.push('aborted'));
    try {
      await this.steps.read();
      await this.steps.call('c');
      const written = await this.steps.write('w');
      // Its flight is sent by this call, which waits for the answer.
      return written + (await this.steps.write('x'));
    } catch (error) {
      events.push(`caught ${String(error)}`);
      return 'compensated';
    } finally {
      events.push('finally');
    }
  }
  @Workflow()
  async calls(): Promise<string> {
    try {
      await this.steps.call('c');
      return await this.steps.call('d');
    } catch {
      events.push('caught');
      return 'compensated';
    } finally {
      events.push('finally');
    }
  }
  /** What it does depends on what the transaction gave. */
  @Workflow()
  async turns(): Promise<string> {
    const side = await this.steps.toss();
    if (side === 'heads') now();
    else {
      random();
      randomUUID();
    }
    await this.steps.write('w');
    return side;
  }
  /** The call outside ends while the transaction, whose number is lower, is under way. */
  @Workflow()
  async beside(): Promise<string> {
    const writing = this.steps.write('w');
    const called = await this.steps.call('c');
    await gates.at('called');
    return called + (await writing);
  }
  @Workflow()
  async straggles(): Promise<string> {
    const mine = gates.visits('body');
    await gates.at('body');
    const written = await this.steps.write('w');
    await gates.at(`straggler ${mine}`);
    // Of a void run these are plain values: no exception may come from them.
    events.push(`went on ${mine} ${now() instanceof Date && random() < 1}`);
    const result = await this.steps.write(`after ${written}`).catch((error: unknown) => {
      events.push(`caught ${mine}`);
      throw error;
    });
    events.push(`done ${mine}`);
    return result;
  }
  @Workflow()
  async child(label: string): Promise<string> {
    await gates.at('child body');
    await this.steps.write(`${label} 1`);
    return this.steps.write(`${label} 2`);
  }
  @Workflow()
  async parent(): Promise<string> {
    await gates.at('parent body');
    const n = await this.steps.read();
    const result = await this.child('inner');
    return `${n}${result}`;
  }
  @Workflow()
  async waits(id: string): Promise<string> {
    return `saw ${await handleOf<string>(id).result()}`;
  }
  @Workflow()
  async waitsForChild(): Promise<string> {
    return `saw ${await (await start(Flows, { workflowId: `${workflowId()}-c` }).child('started')).result()}`;
  }
}

describe('4.5: void runs', () => {
  let engine: Engine;
  let faults: FailingCommits;
  const trace = new Trace();
  before(async () => {
    engine = await Engine.start({ services: [Flows], linger: '10 seconds', poll: '50 ms' }, { proxied: true, internals: { probe: trace.probe } });
    faults = await FailingCommits.install(engine.admin);
  });
  after(() => engine.close());
  beforeEach(async () => {
    await engine.clear();
    await faults.failNone();
    gates.reset();
    trace.clear();
    resetCautions(engine.app);
    events = [];
    signals = [];
  });
  afterEach(async () => {
    gates.reset();
    await engine.proxy.heal();
    await engine.expectEffectsRecorded();
  });

  const voids = () => trace.of('run:void').map((v) => v.workflowId);

  it('4.5: no row: the workflow is still mine, and runs again; its caller gets the result', async () => {
    await faults.fail('40001', 1);
    expect(await engine.app.start(Flows, { workflowId: 'none' }).child('n').result()).equal('n 2');
    expect(voids()).deep.equal(['none']);
    expect([gates.visits('child body'), await engine.ledger()]).deep.equal([2, ['n 1', 'n 2']]);
    expect(await engine.row('none')).include({ status: 'SUCCESS', epoch: 1 });
  });

  it('4.5: owner and epoch mine: replayed with what is durable and what is in the buffer; nobody sees an exception', async () => {
    // Start row by the journal (1); read and communicator wait; the flight of `w` (2) fails after its value was handed over.
    await faults.fail('40001', 2);
    expect(await engine.app.start(Flows, { workflowId: 'mine' }).careful().result()).equal('wx');
    expect((await faults.counts()).faults).equal(1);
    expect(voids()).deep.equal(['mine']);
    expect([gates.visits('body'), gates.visits('read'), gates.visits('call c'), gates.visits('write w'), gates.visits('write x')]).deep.equal([2, 1, 1, 2, 1]);
    expect(events, 'of the void run only the signal spoke').deep.equal(['aborted', 'finally']);
    expect(signals.map((s) => s.aborted)).deep.equal([true, false]);
    expect(await engine.ledger()).deep.equal(['w', 'x']);
  });

  for (const by of ['a final flight', 'the journal'] as const) {
    it(`4.5: somebody else's: the caller observes (a row was lost by ${by})`, async () => {
      const id = `theirs-${by}`;
      const at = by === 'the journal' ? 'call c' : 'written w';
      gates.close(at);
      const flows = engine.app.start(Flows, { workflowId: id });
      const outcome = (by === 'the journal' ? flows.calls() : flows.careful()).result();
      let answered = false;
      void outcome.finally(() => (answered = true));
      await gates.reached(at);
      await engine.admin.query(`update apiary.workflow_status set executor_id = 'B', epoch = epoch + 1 where workflow_id = $1`, [id]);
      await engine.admin.query(
        `insert into apiary.function_record (workflow_id, step_id, name, kind, executor_id, epoch, started_at, completed_at)
        select $1, generate_series(0, 3)::text, 'x', 'value', 'B', 2, 0, 0 on conflict do nothing`,
        [id],
      );
      gates.open(at);
      await until('the run is void', () => voids().includes(id));
      expect(answered).equal(false);
      const output = (await engine.row('mine'))?.output?.replace('wx', by);
      await engine.admin.query(`update apiary.workflow_status set status = 'SUCCESS', output = $2 where workflow_id = $1`, [id, output]);
      expect(await outcome).equal(by);
      expect([await engine.ledger(id), gates.visits('call d')]).deep.equal([[], 0]);
      expect(
        events.filter((e) => e !== 'aborted'),
        'no catch, no finally',
      ).deep.equal([]);
    });
  }

  it("4.5: a conflicting row that carries my executor and epoch is my own earlier attempt, no loser's sign", async () => {
    gates.close('written inner 1');
    const outcome = engine.app.start(Flows, { workflowId: 'own' }).child('inner').result();
    await gates.reached('written inner 1');
    const me = runningOf(engine.app).executor.id;
    const template = await engine.records('mine');
    const { rows } = await engine.admin.query<{
      input_hash: string;
      start_hash: string;
    }>(`select f.input_hash, w.input_hash as start_hash from apiary.function_status f join apiary.workflow_status w using (workflow_id)
      where workflow_id = 'none' and step_id = '0'`);
    expect([template.length, rows.length]).deep.equal([4, 1]);
    // As if a commit of mine, whose answer I never got, had done it.
    await engine.admin.query(
      `insert into apiary.workflow_status (workflow_id, name, kind, status, input, input_hash, executor_id, epoch, app_version)
      select 'own', name, kind, 'PENDING', replace(input, '"n"', '"inner"'), input_hash, $1, 1, app_version from apiary.workflow_status where workflow_id = 'none'`,
      [me],
    );
    gates.open('written inner 1');
    expect(await outcome).equal('inner 2');
    expect(voids()).deep.equal(['own']);
    expect(await engine.ledger()).deep.equal(['inner 1', 'inner 2']);
    expect(await engine.row('own')).include({ status: 'SUCCESS', executor_id: me, epoch: 1 });
  });

  for (const [at, name] of [
    [1, 'before its row is durable'],
    [2, 'after its row is durable'],
  ] as const) {
    it(`4.5: a child's run is void ${name}: its parent's is not, and goes on`, async () => {
      await faults.fail('40001', at);
      expect(
        await engine.app
          .start(Flows, { workflowId: `parent-${at}` })
          .parent()
          .result(),
      ).equal('0inner 2');
      expect((await faults.counts()).faults).equal(1);
      expect(voids()).deep.equal([`parent-${at}-1`]);
      expect([gates.visits('parent body'), gates.visits('read'), gates.visits('child body')]).deep.equal([1, 1, 2]);
      expect(await engine.ledger()).deep.equal(['inner 1', 'inner 2']);
      expect((await engine.records(`parent-${at}`)).map((r) => r.name)).deep.equal(['Steps.read', 'Flows.child']);
    });
  }

  it('4.5: inline children of a void run are void too: they would carry rows of what is gone', async () => {
    gates.close('child body');
    const outcome = engine.app.start(Flows, { workflowId: 'both' }).parent().result();
    await gates.reached('child body');
    const { lifecycle } = runningOf(engine.app).executor;
    const run = [...lifecycle.running].find(({ workflowId: id }) => id === 'both');
    expect(run).not.equal(undefined);
    if (run !== undefined) lifecycle.voidRun(run, 'the test says so');
    expect(voids()).deep.equal(['both', 'both-1']);
    await gates.reached('child body', 2);
    gates.open('child body');
    expect(await outcome).equal('0inner 2');
    expect(await engine.ledger()).deep.equal(['inner 1', 'inner 2']);
  });

  it('4.5: flights that carry its rows are answered first, before the row of a void run is read again', async () => {
    const held = engine.proxy.add({ on: 'request', is: executes(/^insert into "apiary".function_record/), fault: { kind: 'hold request' } });
    gates.close('call d');
    const outcome = engine.app.start(Flows, { workflowId: 'carried' }).calls().result();
    await held.hit;
    runningOf(engine.app).executor.lifecycle.voidAll('the test says so');
    expect(voids()).deep.equal(['carried']);
    // Time for a run that would not wait: it would find no record, and call again.
    for (let look = 0; look < 100; look++) expect(await engine.records('carried')).deep.equal([]);
    held.release();
    gates.open('call d');
    expect(await outcome).equal('d');
    expect([gates.visits('call c'), gates.visits('call d')]).deep.equal([1, 1]);
  });

  it('4.5: all who wait for a void run settle: callers, handles, other workflows, a parent', async () => {
    gates.close('write p 1');
    const handle = await engine.app.start(Flows, { workflowId: 'popular' }).child('p');
    const all = [
      handle.result(),
      engine.app.handle('popular').result(),
      engine.app.start(Flows, { workflowId: 'popular' }).child('p').result(),
      engine.app.start(Flows, { workflowId: 'waiter' }).waits('popular').result(),
    ];
    await gates.reached('write p 1');
    await until('the waiter waits', async () => (await engine.row('waiter')) !== undefined);
    await faults.fail('40001', 1);
    gates.open('write p 1');
    expect(await Promise.all(all)).deep.equal(['p 2', 'p 2', 'p 2', 'saw p 2']);
    expect(voids()).deep.equal(['popular']);
    trace.clear();
    resetCautions(engine.app);
    await faults.fail('40001', 2);
    expect(await engine.app.start(Flows, { workflowId: 'mother' }).waitsForChild().result()).equal('saw started 2');
    expect(voids()).deep.equal(['mother-c']);
  });

  it('4.5: a void body that something else resumes gets no further than its next engine call, and its end is ignored', async () => {
    gates.close('straggler 0');
    const cut = engine.proxy.add({ on: 'request', is: commits, fault: { kind: 'cut', at: 'before' } });
    const outcome = engine.app.start(Flows, { workflowId: 'straggler' }).straggles().result();
    await cut.hit;
    await gates.reached('straggler 1');
    expect(await outcome, 'the second run has ended').equal('after w');
    const before = await engine.row('straggler');
    gates.open('straggler 0');
    for (let i = 0; i < 3; i++) await engine.app.get(Steps).call('other');
    expect(events).deep.equal(['went on 1 true', 'done 1', 'went on 0 true']);
    expect([await engine.row('straggler'), await engine.ledger()]).deep.equal([before, ['w', 'after w']]);
    expect(gates.visits('write after w'), 'the call of the void run did not even begin').equal(1);
  });

  it('4.5: what a body made on a value that never came to be does not outlive it: the second run may do something else', async () => {
    await faults.fail('40001', 1);
    expect(await engine.app.start(Flows, { workflowId: 'other-way' }).turns().result()).equal('tails');
    expect(voids()).deep.equal(['other-way']);
    expect((await engine.records('other-way')).map((r) => r.name)).deep.equal(['Steps.toss', 'random', 'randomUUID', 'Steps.write']);
    expect(await engine.ledger()).deep.equal(['tails', 'w']);
  });

  it('4.5: what a body was told before that value stays, whatever its number: a call outside is not made again', async () => {
    gates.close('write w');
    const result = engine.app.start(Flows, { workflowId: 'beside' }).beside().result();
    await gates.reached('called');
    await faults.fail('40001', 1);
    gates.open('write w');
    expect(await result).equal('cw');
    expect(voids()).deep.equal(['beside']);
    expect([gates.visits('write w'), gates.visits('call c')]).deep.equal([2, 1]);
    expect(await engine.ledger()).deep.equal(['w']);
  });

  it('4.5: gauges count void runs and failures after hand-over', async () => {
    const { counters } = runningOf(engine.app).executor.lifecycle;
    const { voided, afterHandOver } = counters;
    await faults.fail('40001', 1);
    await engine.app.get(Flows).child('g');
    expect([counters.voided - voided, counters.afterHandOver - afterHandOver]).deep.equal([1, 1]);
  });
});
