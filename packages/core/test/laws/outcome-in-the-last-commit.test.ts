import { Communicator, Service, Transaction, Workflow, log, sql, type Logger } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { commits, executes, until, type RequestFlight } from '@apiary/testing/internal';
import { expect } from 'chai';
import { resetCautions } from '../support/cautions.js';
import { Engine, note, Trace } from '../support/engine.js';
import { FailingCommits } from '../support/failing-commits.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
const records = executes(/^(?:insert into|copy) "apiary".(?:function_record|workflow_status)/);
/** The final flight of a step; takeovers commit too. */
const isFinal = (flight: RequestFlight): boolean => commits(flight) && records(flight);
const lines: string[] = [];
const logger: Logger = Object.fromEntries(
  ['debug', 'info', 'warn', 'error'].map((level) => [level, (text: string) => void lines.push(text)]),
) as unknown as Logger;
const ours = (): string[] => lines.filter((line) => line.startsWith('#'));

@Service()
class Steps {
  @Transaction()
  async write(label: string): Promise<string> {
    await gates.at(`write ${label}`);
    await note(label);
    return label;
  }
  @Transaction()
  async slowTail(label: string): Promise<string> {
    await note(label);
    return label;
  }
  @Communicator()
  async call(label: string): Promise<string> {
    await gates.at(`call ${label}`);
    return label;
  }
  /** A foreign key that is checked when the transaction commits. */
  @Transaction()
  async orphan(): Promise<string> {
    await gates.at('orphan');
    await sql`insert into child (parent) values (1)`;
    return 'done';
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async one(): Promise<string> {
    return this.steps.write('one');
  }
  @Workflow()
  async readsThenOne(): Promise<string> {
    await this.inner();
    return this.steps.write('last');
  }
  @Workflow()
  async inner(): Promise<string> {
    return this.steps.write('inner');
  }
  @Workflow()
  async fails(): Promise<string> {
    await this.steps.write('one');
    throw new RangeError('after the last step');
  }
  @Workflow()
  async goesOn(next: 'call' | 'write' | 'child' | 'elsewhere'): Promise<string> {
    await this.steps.write('first');
    switch (next) {
      case 'call':
        return this.steps.call('next');
      case 'write':
        return this.steps.write('next');
      case 'child':
        return this.one();
      case 'elsewhere':
        return other?.get(Steps).write('elsewhere') ?? '';
    }
  }
  @Workflow()
  async computes(label: string): Promise<string> {
    await this.steps.write(label);
    await gates.at('computing');
    return label;
  }
  @Workflow()
  async logs(): Promise<string> {
    log.info('#start');
    await this.steps.write('a');
    log.info('#after a');
    await this.steps.write('b');
    log.info('#after b');
    return 'done';
  }
  @Workflow()
  async tails(label: string): Promise<string> {
    const result = await this.steps.slowTail(label);
    const until = performance.now() + tailMs;
    while (performance.now() < until);
    return result;
  }
  @Workflow()
  async orphans(): Promise<string> {
    try {
      return await this.steps.orphan();
    } catch (error) {
      return `caught ${(error as { code?: string }).code} ${await this.steps.write('compensated')}`;
    }
  }
}
let other: Engine['app'] | undefined;
let tailMs = 0;

describe('4.4: the outcome rides in the last commit', () => {
  let engine: Engine;
  const trace = new Trace();
  before(async () => {
    engine = await Engine.start(
      { services: [Flows], log: logger },
      {
        proxied: true,
        internals: { probe: trace.probe },
        schema: 'create table parent (id int primary key); create table child (parent int references parent deferrable initially deferred);',
      },
    );
  });
  after(() => engine.close());
  beforeEach(async () => {
    await engine.clear();
    gates.reset();
    trace.clear();
    lines.length = 0;
    resetCautions(engine.app);
  });
  afterEach(async () => {
    gates.reset();
    await engine.proxy.heal();
    await engine.expectEffectsRecorded();
  });

  const journalWrites = () => trace.of('flight:before').filter((f) => f.connection === 'journal' && f.statements.some((s) => /^(insert|with u)/.test(s.text)));
  const userCommits = () => trace.of('flight:before').filter((f) => f.connection === 'user' && f.statements.at(-1)?.text === 'commit');
  /** Waits until all that could go by itself has gone: a round trip of another workflow, three times. */
  const others = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) await engine.app.get(Steps).call(`other ${i}`);
  };

  it('4.4 a: a workflow of one transaction is one commit: effect, record and the status row, inserted complete', async () => {
    expect(await engine.app.start(Flows, { workflowId: 'one' }).one().result()).equal('one');
    expect([userCommits().length, journalWrites().length]).deep.equal([1, 0]);
    const { rows } = await engine.admin
      .query(`select xid from apiary.workflow_status where workflow_id = 'one' and status = 'SUCCESS' and xmin::text = (xid::text::numeric % 4294967296)::text
      union all select xid from apiary.function_status where workflow_id = 'one' union all select xid from ledger`);
    expect(rows.length, 'never updated').equal(3);
    expect(new Set(rows.map((row) => row.xid)).size).equal(1);
  });

  it("4.4 a: an inline child's outcome rides its last commit too, and an error is an outcome", async () => {
    expect(await engine.app.start(Flows, { workflowId: 'p' }).readsThenOne().result()).equal('last');
    const fails = await engine.app
      .start(Flows, { workflowId: 'f' })
      .fails()
      .result()
      .catch((error: Error) => error.message);
    expect(fails).equal('after the last step');
    expect([userCommits().length, journalWrites().length]).deep.equal([3, 0]);
    expect((await engine.row('p-0'))?.xid, 'the child ended in its own commit').equal((await engine.records('p-0'))[0]?.xid);
    expect(await engine.row('f')).include({ status: 'ERROR', xid: (await engine.records('f'))[0]?.xid });
  });

  it('4.4: the caller is answered when the commit is, not before', async () => {
    let answered = false;
    const held = engine.proxy.add({ on: 'request', is: isFinal, fault: { kind: 'hold answer' } });
    const outcome = engine.app
      .start(Flows, { workflowId: 'held' })
      .one()
      .result()
      .finally(() => (answered = true));
    expect((await held.hit).answer.at(-1)).equal('COMMIT');
    await others();
    expect(answered).equal(false);
    held.release();
    expect(await outcome).equal('one');
  });

  for (const next of ['call', 'write', 'child', 'elsewhere'] as const) {
    it(`4.4 b: the body's next engine call sends the flight at once, and waits for its answer (${next})`, async () => {
      other = await engine.another();
      const held = engine.proxy.add({ on: 'request', is: isFinal, fault: { kind: 'hold answer' } });
      const outcome = engine.app
        .start(Flows, { workflowId: `then-${next}` })
        .goesOn(next)
        .result();
      const hit = await held.hit;
      expect(hit.answer.at(-1)).equal('COMMIT');
      expect(
        hit.statements.some((text) => text.includes('an outcome matched no row')),
        'without an outcome',
      ).equal(false);
      await others();
      // As long as what must not begin would take at most: a call, or a transaction with a connection to be opened for it.
      for (let i = 0; i < 3; i++) await engine.app.get(Steps).write(`other ${i}`);
      expect([gates.visits('call next'), gates.visits('write next'), gates.visits('write one'), gates.visits('write elsewhere')], 'nothing began').deep.equal([
        0, 0, 0, 0,
      ]);
      held.release();
      expect(await outcome).equal({ call: 'next', write: 'next', child: 'one', elsewhere: 'elsewhere' }[next]);
      await other.shutdown({ grace: 0 });
      other = undefined;
    });
  }

  it('4.4 b: a call of another app in this process waits, and does not happen if the commit fails', async () => {
    other = await engine.another();
    const cut = engine.proxy.add({ on: 'request', is: isFinal, fault: { kind: 'cut', at: 'before' } });
    expect(await engine.app.start(Flows, { workflowId: 'elsewhere' }).goesOn('elsewhere').result()).equal('elsewhere');
    await cut.hit;
    expect([gates.visits('write first'), gates.visits('write elsewhere')]).deep.equal([2, 1]);
    await other.shutdown({ grace: 0 });
    other = undefined;
  });

  it('4.4 c: a body that goes on computing does not keep the transaction open', async () => {
    gates.close('computing');
    const outcome = engine.app.start(Flows, { workflowId: 'computes' }).computes('c').result();
    await gates.reached('computing');
    // The flight goes as soon as all microtasks are drained; nothing else has to happen.
    await until('it has committed', async () => (await engine.ledger()).length === 1);
    expect(await engine.ledger()).deep.equal(['c']);
    expect((await engine.row('computes'))?.status).equal('PENDING');
    gates.open('computing');
    expect(await outcome).equal('c');
    expect((await engine.row('computes'))?.status).equal('SUCCESS');
  });

  it('4.4: log lines of the stretch after an unanswered commit are held until it is answered', async () => {
    const held = engine.proxy.add({ on: 'request', is: isFinal, fault: { kind: 'hold answer' } });
    const outcome = engine.app.start(Flows, { workflowId: 'logs' }).logs().result();
    await held.hit;
    await others();
    expect(ours()).deep.equal(['#start']);
    held.release();
    await outcome;
    expect(ours()).deep.equal(['#start', '#after a', '#after b']);
  });

  it('4.4: log lines of the stretch are dropped when the run is void', async () => {
    const cut = engine.proxy.add({ on: 'request', is: isFinal, fault: { kind: 'cut', at: 'before' }, skip: 1 });
    expect(await engine.app.start(Flows, { workflowId: 'drops' }).logs().result()).equal('done');
    await cut.hit;
    expect(trace.of('run:void').map((v) => v.workflowId)).deep.equal(['drops']);
    expect(gates.visits('write b')).equal(2);
    expect(
      ours().filter((line) => line === '#after b'),
      'the value of the first b never came to be',
    ).deep.equal(['#after b']);
  });

  it('4.4: a deferred constraint that fails at COMMIT, after the body went on, reaches the code as the error of the step', async () => {
    const outcome = await engine.app.start(Flows, { workflowId: 'orphans' }).orphans().result();
    expect(outcome).equal('caught 23503 compensated');
    expect(gates.visits('orphan'), 'the first run was void; the second met the error in time').equal(2);
    expect(trace.of('run:void').map((v) => v.workflowId)).deep.equal(['orphans']);
    expect(await engine.ledger()).deep.equal(['compensated']);
    expect((await engine.records('orphans')).map((r) => [r.step_id, r.error === null])).deep.equal([
      ['0', false],
      ['1', true],
    ]);
  });

  it('4.4: after a flight that failed, the function is sent at once for a while: the next failure is no void run', async () => {
    const { executor } = runningOf(engine.app);
    const commits_ = await FailingCommits.install(engine.admin);
    await commits_.fail('40001', 1);
    expect(await engine.app.get(Flows).one()).equal('one');
    expect(trace.of('run:void').length).equal(1);
    expect(executor.caution('Steps.write').isUp).equal(true);
    trace.clear();
    await commits_.fail('40001', 1);
    expect(await engine.app.get(Flows).one()).equal('one');
    expect((await commits_.counts()).faults).equal(1);
    expect(trace.of('run:void'), 'retried in time').deep.equal([]);
    // With the flight gone ahead, the outcome is an update of the journal's.
    expect(journalWrites().length).equal(1);
    await commits_.failNone();
    expect(await engine.ledger()).deep.equal(['one', 'one']);
  });

  it("4.4: a function whose tail is slow is sent at once: its locks are not held over the user's computation", async () => {
    await using slow = await Engine.start({ services: [Flows], determinism: 'off' }, { internals: { slowTailMs: 5, probe: trace.probe } });
    const { executor } = runningOf(slow.app);
    tailMs = 20;
    for (let i = 0; i < 5; i++) await slow.app.get(Flows).tails(`slow ${i}`);
    expect(executor.caution('Steps.slowTail').isUp).equal(true);
    trace.clear();
    tailMs = 0;
    await slow.app.get(Flows).tails('after');
    const texts = trace.of('flight:before').map((f) => `${f.connection} ${f.statements.map((s) => s.text.split(' ').slice(0, 2).join(' ')).join('; ')}`);
    expect(
      texts.findIndex((t) => t.startsWith('user') && t.endsWith('commit')),
      'COMMIT before the outcome',
    ).lessThan(texts.findIndex((t) => t.startsWith('journal')));
    expect((await slow.ledger()).length).equal(6);
  });

  it('4.4: the outcome is conditional: a workflow that somebody else owns by now keeps what that one says', async () => {
    gates.close('computing');
    const outcome = engine.app.start(Flows, { workflowId: 'taken' }).computes('t').result();
    await gates.reached('computing');
    await until('the step is durable', async () => (await engine.records('taken')).length === 1);
    const encoded = (await engine.records('taken'))[0]?.output?.replace('t', 'theirs');
    await engine.admin.query(`update apiary.workflow_status set executor_id = 'B', epoch = 2, status = 'SUCCESS', output = $1 where workflow_id = 'taken'`, [
      encoded,
    ]);
    gates.open('computing');
    expect(await outcome).equal('theirs');
    expect(await engine.row('taken')).include({ executor_id: 'B', epoch: 2, output: encoded });
  });
});
