import { Communicator, Service, Transaction, Workflow, isApiaryError, now, random, randomUUID, workflowId } from '@apiary/core';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { abandon } from '../support/abandon.js';
import { Engine, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
let code: 'first' | 'renamed' | 'other input' | 'more' = 'first';
let caught: unknown;

@Service()
class Flows {
  @Transaction()
  async write(text: string): Promise<string> {
    await note(text);
    return text;
  }
  @Communicator()
  async tell(text: string): Promise<string> {
    return text;
  }
  @Workflow()
  async changing(): Promise<string> {
    await this.tell('start');
    const second = code === 'renamed' ? await this.write('second') : await this.tell(code === 'other input' ? 'changed' : 'second');
    await gates.at('changing');
    return second;
  }
  @Workflow()
  async forgiving(): Promise<string> {
    try {
      await (code === 'renamed' ? this.write('x') : this.tell('x'));
    } catch (error) {
      caught = error;
    }
    await gates.at('forgiving');
    await this.tell('after').catch(() => {});
    return 'as if nothing had happened';
  }
  @Workflow()
  async values(): Promise<unknown[]> {
    const drawn = [now().getTime(), random(), randomUUID(), await this.tell('x'), now().getTime(), randomUUID()];
    await gates.at('values');
    return drawn;
  }
  @Workflow()
  async many(calls: number): Promise<number> {
    const results = await Promise.all(Array.from({ length: calls }, (_, i) => this.tell(String(i))));
    for (let i = 0; i < calls; i++) results.push(await this.write(String(i)));
    await gates.at('many');
    return new Set(results).size;
  }
  @Workflow()
  async deep(levels: number): Promise<string> {
    await this.write(`level ${levels}`);
    return levels === 0 ? workflowId() : this.deep(levels - 1);
  }
}

describe('behaviours of replays', () => {
  let engine: Engine;
  before(async () => {
    engine = await Engine.start({ services: [Flows] });
  });
  after(() => engine.close());
  beforeEach(async () => {
    gates.reset();
    code = 'first';
    caught = undefined;
    await engine.clear();
  });
  /** Runs it to the gate, changes the code, has it recovered. */
  const replayed = async (id: string, method: 'changing' | 'forgiving', then: typeof code): Promise<Error> => {
    gates.close(method);
    const handle = await engine.app.start(Flows, { workflowId: id })[method]();
    await gates.reached(method);
    await until('its records are durable', async () => (await engine.records(id)).length === (method === 'changing' ? 2 : 1));
    code = then;
    await abandon(engine, [id]);
    gates.open(method);
    return rejected(handle.result());
  };

  it('BEHAVIOUR 32: a replay that calls another step at a place fails with NONDETERMINISM that names both, before any effect', async () => {
    const error = await replayed('b32', 'changing', 'renamed');
    if (!isApiaryError(error, 'NONDETERMINISM')) return expect.fail(String(error));
    expect(error.details).deep.equal({ stepId: '1', recorded: 'Flows.tell', called: 'Flows.write' });
    expect(error.message).contain('Flows.tell').contain('Flows.write');
    expect([await engine.ledger(), (await engine.row('b32'))?.status]).deep.equal([[], 'ERROR']);
  });

  it('BEHAVIOUR 32: the same step with other input is refused too', async () => {
    const error = await replayed('b32-input', 'changing', 'other input');
    expect([error.name, (error as { details?: { stepId: string } }).details?.stepId]).deep.equal(['NondeterminismError', '1']);
  });

  it('BEHAVIOUR 32: a body that catches it cannot go on as if nothing had happened', async () => {
    const error = await replayed('b32-caught', 'forgiving', 'renamed');
    expect(error.name).equal('NondeterminismError');
    expect(caught).include({ code: 'NONDETERMINISM' });
    expect(await engine.ledger()).deep.equal([]);
  });

  it('a replay sees the times, random numbers and ids of the first run', async () => {
    gates.close('values');
    const handle = await engine.app.start(Flows, { workflowId: 'values' }).values();
    await gates.reached('values');
    await until('the records are durable', async () => (await engine.records('values')).length >= 4);
    const before = await engine.records('values');
    await abandon(engine, ['values']);
    await gates.reached('values', 2);
    gates.open('values');
    const drawn = (await handle.result()) as unknown[];
    const after = await engine.records('values');
    expect(after.slice(0, before.length)).deep.equal(before);
    expect((await handle.steps()).map((s) => [s.kind, s.name])).deep.equal([
      ['value', 'now'],
      ['value', 'random'],
      ['value', 'randomUUID'],
      ['communicator', 'Flows.tell'],
      ['value', 'now'],
      ['value', 'randomUUID'],
    ]);
    expect((await handle.steps()).map((s) => (s.output instanceof Date ? s.output.getTime() : s.output))).deep.equal(drawn);
  });

  it('BEHAVIOUR 68: more than 16 calls in one workflow, side by side and one by one: no ids collide, first and in the replay', async () => {
    gates.close('many');
    const handle = await engine.app.start(Flows, { workflowId: 'b68' }).many(40);
    await gates.reached('many');
    await until('the records are durable', async () => (await engine.records('b68')).length >= 79);
    await abandon(engine, ['b68']);
    await gates.reached('many', 2);
    gates.open('many');
    expect(await handle.result()).equal(40);
    expect((await handle.steps()).map((s) => s.stepId)).deep.equal(Array.from({ length: 80 }, (_, i) => String(i)));
    expect((await engine.ledger('b68')).length).equal(40);
  });

  it('BEHAVIOUR 68: nesting deeper than 16: each level has an id, a parent and an effect of its own', async () => {
    const id = await engine.app.start(Flows, { workflowId: 'deep' }).deep(20).result();
    expect(id).equal(`deep${'-1'.repeat(20)}`);
    expect(await engine.ledger()).deep.equal(Array.from({ length: 21 }, (_, i) => `level ${20 - i}`));
    const { rows } = await engine.admin.query<{ workflow_id: string; parent_id: string | null; root_id: string | null }>(
      `select workflow_id, parent_id, root_id from apiary.workflow_status where workflow_id like 'deep%' order by length(workflow_id)`,
    );
    expect(rows.length).equal(21);
    rows.forEach((row, i) => expect([row.parent_id, i === 0 ? 'deep' : row.root_id]).deep.equal([i === 0 ? null : rows[i - 1]?.workflow_id, 'deep']));
  });
});
