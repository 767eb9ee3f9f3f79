import { Communicator, Service, Transaction, Workflow } from '@apiary/core';
import { commits, executes, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, Trace } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  @Communicator()
  async call(): Promise<string> {
    await gates.at('call');
    return 'called';
  }
  @Transaction()
  async slow(): Promise<string> {
    await note('slow');
    await gates.at('slow');
    return 'slow';
  }
  @Transaction()
  async other(): Promise<void> {
    await note('other');
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async both(): Promise<string> {
    return `${await this.steps.call()} ${await this.steps.slow()}`;
  }
}

describe("INTERLEAVING 19: a communicator's record and a slow transaction behind it", () => {
  beforeEach(() => gates.reset());

  it('INTERLEAVING 19: the record is durable while the transaction still runs, and is not carried twice', async () => {
    const trace = new Trace();
    await using engine = await Engine.start({ services: [Flows], linger: '10 ms' }, { internals: { probe: trace.probe } });
    gates.close('slow');
    const outcome = engine.app.start(Flows, { workflowId: 'w' }).both().result();
    await gates.reached('slow');
    await until('the record is durable', async () => (await engine.records('w')).length === 1);
    expect(await engine.ledger(), 'the transaction is open').deep.equal([]);
    gates.open('slow');
    expect(await outcome).equal('called slow');
    expect(trace.of('run:void')).deep.equal([]);
    expect((await engine.records('w')).map((r) => r.step_id)).deep.equal(['0', '1']);
    expect(gates.visits('call')).equal(1);
  });

  it('INTERLEAVING 19: the timer fires while the final flight has the record: one carrier, no conflict with itself', async () => {
    const trace = new Trace();
    await using engine = await Engine.start({ services: [Flows], linger: '200 ms' }, { proxied: true, internals: { probe: trace.probe } });
    const held = engine.proxy.add({ on: 'request', is: commits, fault: { kind: 'hold request' } });
    const outcome = engine.app.start(Flows, { workflowId: 'w' }).both().result();
    const hit = await held.hit;
    expect(hit.statements.filter((text) => text.startsWith('insert into "apiary".function_record')).length, 'it carries the records').equal(1);
    // Another communicator that ended after this one lingers as long: when its record has gone by itself, the timer of the first has passed.
    gates.close('slow');
    const other = engine.app.start(Flows, { workflowId: 'other' }).both().result();
    await until('the other record went by itself', async () => (await engine.records('other')).length === 1);
    held.release();
    gates.open('slow');
    expect(await Promise.all([outcome, other])).deep.equal(['called slow', 'called slow']);
    expect(trace.of('run:void')).deep.equal([]);
    expect((await engine.ledger()).length).equal(2);
  });

  it("INTERLEAVING 19: the timer was first, and the final flight waits for the journal's answer", async () => {
    const trace = new Trace();
    await using engine = await Engine.start({ services: [Flows], linger: '10 ms' }, { proxied: true, internals: { probe: trace.probe } });
    gates.close('slow', 'call');
    const outcome = engine.app.start(Flows, { workflowId: 'w' }).both().result();
    await gates.reached('call');
    const held = engine.proxy.add({ on: 'request', is: executes(/^insert into "apiary".function_record/), fault: { kind: 'hold request' } });
    gates.open('call');
    const hit = await held.hit;
    expect(commits(hit as never), 'it is the journal').equal(false);
    gates.open('slow');
    await until('the transaction has returned', () => trace.of('step:returned').some((s) => s.name === 'Steps.slow'));
    // Work that needs no journal passes: the flight would have gone by now.
    for (let i = 0; i < 3; i++) await engine.app.get(Steps).other();
    expect((await engine.ledger()).filter((step) => step === 'slow')).deep.equal([]);
    expect(await engine.records('w'), 'no record before the one in front of it').deep.equal([]);
    held.release();
    expect(await outcome).equal('called slow');
    expect(trace.of('run:void')).deep.equal([]);
    expect((await engine.records('w')).map((r) => r.step_id)).deep.equal(['0', '1']);
  });
});
