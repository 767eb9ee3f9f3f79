import { Communicator, Service, sleep, sql, Transaction, Workflow } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { commits, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { abandon } from '../support/abandon.js';
import { Engine, note, rejected } from '../support/engine.js';
import { FailingCommits } from '../support/failing-commits.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
let told: string[] = [];

@Service()
class Flows {
  @Transaction({ isolation: 'read committed' })
  async write(label: string): Promise<string> {
    await gates.at(label);
    await note(label);
    return label;
  }
  /** Its error shows at COMMIT. */
  @Transaction({ isolation: 'read committed' })
  async orphan(label: string): Promise<string> {
    await gates.at(label);
    await sql`insert into child values (1)`;
    return label;
  }
  @Communicator()
  async tell(label: string): Promise<string> {
    await gates.at(label);
    return label;
  }
  @Workflow()
  async raced(): Promise<string> {
    const both = [this.write('a').then(said), this.write('b').then(said)];
    const first = await Promise.race(both);
    await this.write(`after ${first}`);
    await gates.at('end');
    await Promise.all(both);
    return first;
  }
  @Workflow()
  async mixed(): Promise<string> {
    const both = [this.write('a').then(said), this.tell('c').then(said)];
    const first = await Promise.race(both);
    await this.write(`after ${first}`);
    await gates.at('end');
    await Promise.all(both);
    return first;
  }
  /** Two branches, of which the first takes so many microtasks to its first call, and from there to its second. */
  @Workflow()
  async branches(before: number, between: number): Promise<string[]> {
    await gates.at('body');
    const long = async (): Promise<string> => {
      for (let hop = 0; hop < before; hop++) await Promise.resolve();
      await this.tell('a');
      for (let hop = 0; hop < between; hop++) await Promise.resolve();
      return this.tell('after a');
    };
    const short = async (): Promise<string> => {
      await this.tell('b');
      return this.tell('after b');
    };
    return Promise.all([long(), short()]);
  }
  /** A sleep that is over when it begins. */
  @Workflow()
  async overdue(): Promise<string> {
    const beside = this.tell('c');
    const writing = this.write('a').then(said);
    await gates.at('second');
    const sleeping = sleep(new Date(1)).then(() => said('woken'));
    const first = await Promise.race([writing, sleeping]);
    await this.write(`after ${first}`);
    await Promise.all([beside, writing, sleeping]);
    return first;
  }
  @Workflow()
  async sleepBeside(): Promise<string> {
    const work = async (): Promise<string> => {
      for (let hop = 0; hop < 5; hop++) await Promise.resolve();
      return this.tell('done');
    };
    void sleep('30 days');
    return said(await work());
  }
  @Workflow()
  async refused(how: 'write' | 'orphan'): Promise<string[]> {
    const both = [this[how]('a').catch((error: { code?: string }) => `refused ${error.code}`), this.write('b')];
    await Promise.all(both.map((call) => call.then(said)));
    await gates.at('end');
    return Promise.all(both);
  }
  @Communicator({ retry: { maxAttempts: 1 } })
  async fails(label: string): Promise<string> {
    await gates.at(label);
    throw new Error(label);
  }
  @Workflow()
  async failing(): Promise<string> {
    try {
      await Promise.all([this.fails('a'), this.fails('b')]);
      return 'nothing failed';
    } catch (error) {
      const result = await this.write(`after ${(error as Error).message}`);
      await gates.at('end');
      return result;
    }
  }
  @Workflow()
  async asleep(ms: number): Promise<string> {
    const both = [sleep(ms).then(() => said('woken')), this.tell('c').then(said)];
    const first = await Promise.race(both);
    await this.write(`after ${first}`);
    await gates.at('end');
    await Promise.all(both);
    return first;
  }
}

function said(label: string): string {
  told.push(label);
  return label;
}

/** The model's hole H11: a place in the order is given with the row, a result with COMMIT's answer. */
describe('calls under way together are delivered in the order of their records', () => {
  beforeEach(() => {
    gates.reset();
    told = [];
  });

  for (const body of ['raced', 'mixed'] as const) {
    it(`the answer to the first COMMIT comes last: the other call (${body === 'raced' ? 'a transaction' : 'a communicator'}) waits for it, and a replay agrees`, async () => {
      await using engine = await Engine.start({ services: [Flows] }, { proxied: true });
      const { connections } = runningOf(engine.app).executor.store;
      const late = body === 'raced' ? 'b' : 'c';
      gates.close(late, 'end');
      const held = engine.proxy.add({ on: 'request', is: commits, fault: { kind: 'hold answer' } });
      const handle = await engine.app.start(Flows, { workflowId: 'w' })[body]();
      expect((await held.hit).statements.at(-1)).equal('commit');
      await until('the first one has committed', async () => (await engine.ledger()).length === 1);
      gates.open(late);
      await until('the record of the other one is durable', async () => (await engine.records('w')).length === 2);
      await until('the other one was answered', () => connections.gauges.userLeased === 1);
      expect(told, 'nobody is told before the first one is').deep.equal([]);
      held.release();
      await gates.reached('end');
      expect(told).deep.equal(['a', late]);
      await until('the step after them is durable', async () => (await engine.records('w')).length === 3);
      await abandon(engine, ['w']);
      const second = await engine.another();
      gates.open('end');
      expect(await second.handle('w').result()).equal('a');
      expect(told).deep.equal(['a', late, 'a', late]);
      void handle;
    });
  }

  for (const [how, what] of [
    ['orphan', "an error of the user's, which takes a later place"],
    ['write', 'a serialization failure, and it is run again'],
  ] as const) {
    it(`the first COMMIT is refused (${what}) after the other call has committed: that one is told first, and a replay agrees`, async () => {
      await using engine = await Engine.start(
        { services: [Flows] },
        {
          proxied: true,
          schema: 'create table parent (id int primary key); create table child (parent int references parent deferrable initially deferred);',
        },
      );
      const faults = await FailingCommits.install(engine.admin);
      gates.close('a', 'b', 'end');
      const handle = await engine.app.start(Flows, { workflowId: 'w' }).refused(how);
      await until('the start row is durable', async () => (await engine.row('w')) !== undefined);
      if (how === 'write') await faults.fail('40001', 1);
      const held = engine.proxy.add({ on: 'request', is: commits, fault: { kind: 'hold answer' } });
      gates.open('a');
      expect((await held.hit).answer, 'what came of the first COMMIT').include(how === 'write' ? 'ERROR 40001' : 'ERROR 23503');
      gates.open('b');
      await until('the record of the other one is durable', async () => (await engine.records('w')).length === 1);
      await until('the other one was answered', () => runningOf(engine.app).executor.store.connections.gauges.userLeased === 1);
      expect(told, 'nobody is told before it is known what came of the first one').deep.equal([]);
      if (how === 'write') gates.close('a');
      held.release();
      await until('the other one is told, whatever becomes of the second attempt', () => told.includes('b'));
      gates.open('a');
      await gates.reached('end');
      const order = ['b', how === 'write' ? 'a' : 'refused 23503'];
      expect(told).deep.equal(order);
      gates.open('end');
      expect(await handle.result()).deep.equal(order.toReversed());
      expect(await engine.ledger('w')).deep.equal(how === 'write' ? ['b', 'a'] : ['b']);
      await abandon(engine, ['w']);
      expect(await (await engine.another()).handle('w').result()).deep.equal(order.toReversed());
      expect(told).deep.equal([...order, ...order]);
    });
  }

  for (const [what, before, between] of [
    ['the first branch is told first, and makes its next call later', 0, 5],
    ['the first branch makes its first call later', 12, 0],
  ] as const) {
    for (const begun of ['here', 'by another executor'] as const) {
      it(`a body is told one result at a time, and makes all its calls before the next one (${what}; begun ${begun})`, async () => {
        await using engine = await Engine.start({ services: [Flows] });
        gates.close('body');
        const handle = await engine.app.start(Flows, { workflowId: 'w' }).branches(before, between);
        if (begun !== 'here') {
          await abandon(engine, ['w']);
          await engine.another();
          await gates.reached('body', 2);
        }
        gates.open('body');
        const first = await handle.result();
        const calls = gates.visits('a') + gates.visits('b');
        await abandon(engine, ['w']);
        expect(await (await engine.another()).handle('w').result()).deep.equal(first);
        expect(gates.visits('a') + gates.visits('b'), 'nothing was called outside again').equal(calls);
      });
    }
  }

  it('a sleep that is over when it begins does not come before what was placed before it, as in a replay', async () => {
    await using engine = await Engine.start({ services: [Flows] }, { proxied: true });
    gates.close('a', 'c', 'second');
    const handle = await engine.app.start(Flows, { workflowId: 'w' }).overdue();
    const held = engine.proxy.add({ on: 'request', is: commits, fault: { kind: 'hold answer' } });
    gates.open('a');
    await held.hit;
    gates.open('second');
    await until('the sleep is durable', async () => (await engine.records('w')).some((record) => record.name === 'sleep'));
    held.release();
    gates.open('c');
    expect(await handle.result()).equal('a');
    await abandon(engine, ['w']);
    expect(await (await engine.another()).handle('w').result()).equal('a');
    expect(told).deep.equal(['a', 'woken', 'a', 'woken']);
  });

  it('a long sleep does not take the workflow from memory while another branch is about to make its call; nor is it waited for at the end', async () => {
    await using engine = await Engine.start({ services: [Flows] });
    const error = await rejected(engine.app.start(Flows, { workflowId: 'w' }).sleepBeside().result());
    expect([told, error.code, error.details]).deep.equal([['done'], 'FLOATING_CALL', { stepId: '0', called: 'sleep' }]);
    expect((await engine.row('w'))?.status).equal('ERROR');
  });

  it('the first error of a Promise.all is the same in a replay, though the call that failed first was made last', async () => {
    await using engine = await Engine.start({ services: [Flows] });
    gates.close('a', 'b', 'end');
    const handle = await engine.app.start(Flows, { workflowId: 'w' }).failing();
    await gates.reached('a');
    await gates.reached('b');
    gates.open('b');
    await gates.reached('after b');
    gates.open('a');
    await gates.reached('end');
    await until('all three are durable', async () => (await engine.records('w')).length === 3);
    await abandon(engine, ['w']);
    const second = await engine.another();
    gates.open('end');
    expect(await second.handle('w').result()).equal('after b');
    expect(await engine.ledger('w')).deep.equal(['after b']);
    void handle;
  });

  it('a sleep takes its place when it ends: what ended before it comes before it, also in a replay after its end', async () => {
    await using engine = await Engine.start({ services: [Flows] });
    gates.close('end');
    await engine.app.start(Flows, { workflowId: 'w' }).asleep(400);
    await gates.reached('end');
    expect(told).deep.equal(['c']);
    await until('the sleep is over', async () => told.length === 2);
    await abandon(engine, ['w']);
    const second = await engine.another();
    gates.open('end');
    expect(await second.handle('w').result()).equal('c');
    expect(told).deep.equal(['c', 'woken', 'c', 'woken']);
  });

  it('what ended after a sleep comes after it', async () => {
    await using engine = await Engine.start({ services: [Flows] });
    gates.close('end', 'c');
    await engine.app.start(Flows, { workflowId: 'w' }).asleep(50);
    await gates.reached('end');
    gates.open('c');
    await until('the call has ended', async () => told.length === 2);
    await until('its record is durable', async () => (await engine.records('w')).length === 3);
    await abandon(engine, ['w']);
    const second = await engine.another();
    gates.open('end');
    expect(await second.handle('w').result()).equal('woken');
    expect(told).deep.equal(['woken', 'c', 'woken', 'c']);
  });
});
