import { Communicator, Procedure, Service, Transaction, Workflow, sleep, sql, start, workflowId } from '@apiary/core';
import { commits, executes, type RequestFlight } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, Trace } from '../support/engine.js';
import { Gates } from '../support/gates.js';
import { timeOutSockets } from '../support/half-open.js';

const gates = new Gates();

@Service()
class Steps {
  @Transaction()
  async add(label: string): Promise<number> {
    await gates.at(label);
    await note(label);
    return (await sql<{ n: number }>`update spot set n = n + 1 returning n`.one()).n;
  }
  @Procedure()
  fly() {
    return sql.batch(
      sql`insert into ledger (workflow_id, step) values (${workflowId()}, 'flown')`,
      sql<{ n: number }>`update spot set n = n + 1 returning n`.one(),
    );
  }
  @Transaction()
  async outbox(): Promise<string> {
    await note('outbox');
    await start(Flows, { workflowId: `${workflowId()}-out` }).adds('out');
    return 'sent';
  }
  @Transaction({ readOnly: true })
  async read(): Promise<number> {
    return (await sql<{ n: number }>`select n from spot`.one()).n;
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
  async adds(...labels: string[]): Promise<number> {
    let last = 0;
    for (const label of labels) last = await this.steps.add(label);
    return last;
  }
  @Workflow()
  async flies(): Promise<unknown> {
    const flown = await this.steps.fly();
    return [flown, await this.steps.add('after')];
  }
  @Workflow()
  async sends(): Promise<string> {
    return this.steps.outbox();
  }
  @Workflow()
  async calls(): Promise<string> {
    const first = await this.steps.call('one');
    await sleep(1);
    await start(Flows, { workflowId: `${workflowId()}-child` }).adds('child');
    return first + (await this.steps.call('two'));
  }
  @Workflow()
  async parent(): Promise<number> {
    const inner = await this.adds('inner 1', 'inner 2');
    return inner + (await this.steps.read());
  }
}

const journals = executes(/^(?:insert into|copy) "apiary"|^with u as/);
const isJournal = (flight: RequestFlight): boolean => journals(flight) && !commits(flight);

describe('L3: a commit whose answer was lost', () => {
  let engine: Engine;
  const trace = new Trace();
  before(async () => {
    engine = await Engine.start({ services: [Flows], pool: { size: 3 } }, { proxied: true, internals: { probe: trace.probe } });
  });
  after(() => engine.close());
  beforeEach(async () => {
    await engine.clear();
    await engine.admin.query(`insert into spot values ('s', 0)`);
    gates.reset();
    trace.clear();
  });
  afterEach(async () => {
    await engine.proxy.heal();
    await engine.expectEffectsRecorded();
  });

  /** Loses the answer of the n-th COMMIT of user code. */
  const losing = (skip = 0) => engine.proxy.add({ on: 'request', is: commits, fault: { kind: 'lose answer' }, skip });

  it('L3: of a direct @Transaction: the caller gets its value, and the function ran once', async () => {
    const lost = losing();
    expect(await engine.app.get(Steps).add('a')).equal(1);
    expect((await lost.hit).answer.at(-1)).equal('COMMIT');
    expect([gates.visits('a'), await engine.ledger()]).deep.equal([1, ['a']]);
  });

  it('L3: of a direct @Transaction whose start was durable before', async () => {
    const lost = losing();
    const handle = await engine.app.start(Steps, { workflowId: 'started' }).add('a');
    expect(await handle.result()).equal(1);
    expect((await lost.hit).answer.at(-1)).equal('COMMIT');
    expect([gates.visits('a'), await engine.ledger(), (await engine.row('started'))?.status]).deep.equal([1, ['a'], 'SUCCESS']);
  });

  it('L3: of a direct @Procedure: the value is what the server recorded', async () => {
    const lost = losing();
    expect(await engine.app.get(Steps).fly()).deep.equal({ n: 1 });
    expect((await lost.hit).answer.at(-1)).equal('COMMIT');
    expect(await engine.ledger()).deep.equal(['flown']);
  });

  for (const [name, skip] of [
    ['first', 0],
    ['middle', 1],
    ['last, which carries the outcome', 2],
  ] as const) {
    it(`L3: of the ${name} transaction of a workflow`, async () => {
      const lost = losing(skip);
      const id = `adds-${skip}`;
      expect(await engine.app.start(Flows, { workflowId: id }).adds('a', 'b', 'c').result()).equal(3);
      expect((await lost.hit).answer.at(-1)).equal('COMMIT');
      expect(await engine.ledger()).deep.equal(['a', 'b', 'c']);
      expect([gates.visits('a'), gates.visits('b'), gates.visits('c')]).deep.equal([1, 1, 1]);
      expect(trace.of('run:void'), 'no run was void for it').deep.equal([]);
      expect((await engine.records(id)).map((r) => r.attempts)).deep.equal([1, 1, 1]);
    });
  }

  it('L3: of every one of them, one after the other', async () => {
    const lost = engine.proxy.add({ on: 'request', is: commits, fault: { kind: 'lose answer' }, times: 5 });
    expect(await engine.app.get(Flows).parent()).equal(4);
    expect(await engine.app.get(Flows).flies()).deep.equal([{ n: 3 }, 4]);
    expect(lost.hits.map((hit) => hit.answer.at(-1))).deep.equal(['COMMIT', 'COMMIT', 'COMMIT', 'COMMIT', 'COMMIT']);
    expect(await engine.ledger()).deep.equal(['inner 1', 'inner 2', 'flown', 'after']);
  });

  it('L3: of a transaction that started a workflow: that one runs once', async () => {
    const lost = losing();
    const started = await engine.app.start(Flows, { workflowId: 'sender' }).sends();
    expect(await started.result()).equal('sent');
    expect((await lost.hit).answer.at(-1)).equal('COMMIT');
    const { rows } = await engine.admin.query<{ workflow_id: string }>(`select workflow_id from apiary.workflow_status where workflow_id like 'sender-%'`);
    expect(rows).deep.equal([{ workflow_id: 'sender-out' }]);
    expect(await engine.app.handle('sender-out').result()).equal(1);
    expect(await engine.ledger()).deep.equal(['outbox', 'out']);
  });

  it('L3: of each batch of the journal: start, record, sleep, child, outcome', async () => {
    const count = new Trace();
    await using plain = await Engine.start({ services: [Flows] }, { internals: { probe: count.probe } });
    await plain.admin.query(`insert into spot values ('s', 0)`);
    expect(await plain.app.start(Flows, { workflowId: 'calls' }).calls().result()).equal('onetwo');
    await plain.app.handle('calls-child').result();
    const batches = count.of('flight:before').filter((f) => f.connection === 'journal' && f.statements.some((s) => /^(insert|with u)/.test(s.text))).length;
    expect(batches).greaterThan(3);
    for (let n = 0; n < batches; n++) {
      await engine.clear();
      await engine.admin.query(`insert into spot values ('s', 0)`);
      gates.reset();
      const lost = engine.proxy.add({ on: 'request', is: isJournal, fault: { kind: 'lose answer' }, skip: n });
      const id = `calls-${n}`;
      expect(await engine.app.start(Flows, { workflowId: id }).calls().result(), `batch ${n}`).equal('onetwo');
      expect(await engine.app.handle(`${id}-child`).result(), `child, batch ${n}`).equal(1);
      if (lost.hits.length > 0)
        expect(
          lost.hits[0]?.answer.some((tag) => tag.startsWith('ERROR')),
          `batch ${n} was durable`,
        ).equal(false);
      else expect(n, 'batches may join').greaterThan(2);
      expect([gates.visits('call one'), gates.visits('call two'), await engine.ledger()], `batch ${n}`).deep.equal([1, 1, ['child']]);
      lost.remove();
    }
  });

  for (const where of ['before COMMIT arrives', 'after the server committed'] as const) {
    it(`L3: a half-open connection ${where}: the old backend is gone before anything is looked up or tried again`, async () => {
      const before = where === 'before COMMIT arrives';
      const rule = engine.proxy.add({ on: 'request', is: commits, fault: before ? { kind: 'black hole' } : { kind: 'lose answer', then: 'black hole' } });
      const running = Promise.all([
        engine.app
          .start(Flows, { workflowId: `half-${before}` })
          .adds('a', 'b')
          .result(),
      ]);
      const hit = await rule.hit;
      const pid = hit.pid ?? 0;
      const isThere = async (): Promise<boolean> => ((await engine.admin.query('select from pg_stat_activity where pid = $1', [pid])).rowCount ?? 0) > 0;
      expect(await isThere(), 'the server does not know that nobody is there').equal(true);
      if (before) {
        const { rows } = await engine.admin.query('select state from pg_stat_activity where pid = $1', [pid]);
        expect(rows, 'it holds its locks').deep.equal([{ state: 'idle in transaction' }]);
      }
      gates.close('a');
      expect(timeOutSockets(engine.proxy.port)).greaterThan(0);
      if (before) {
        await gates.reached('a', 2);
        expect(await isThere(), 'gone before the second attempt').equal(false);
      }
      gates.open('a');
      expect(await running).deep.equal([2]);
      expect(await isThere()).equal(false);
      expect([gates.visits('a'), gates.visits('b'), await engine.ledger()]).deep.equal([before ? 2 : 1, 1, ['a', 'b']]);
    });
  }

  it('L3: a half-open journal: its old backend is gone before the batch is sent again', async () => {
    const rule = engine.proxy.add({ on: 'request', is: isJournal, fault: { kind: 'lose answer', then: 'black hole' } });
    const running = engine.app.start(Flows, { workflowId: 'half-journal' }).calls().result();
    const hit = await rule.hit;
    timeOutSockets(engine.proxy.port);
    expect(await running).equal('onetwo');
    const { rowCount } = await engine.admin.query('select from pg_stat_activity where pid = $1', [hit.pid]);
    expect(rowCount, 'the old backend').equal(0);
    expect([gates.visits('call one'), gates.visits('call two')]).deep.equal([1, 1]);
  });
});
