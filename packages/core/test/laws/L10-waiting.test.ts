import { Communicator, Procedure, Service, Transaction, Workflow, handleOf, sleep, sql, start, workflowId, type Apiary } from '@apiary/core';
import { launchApp, until, type LaunchedApp } from '@apiary/testing/internal';
import { expect } from 'chai';
import { executorOf } from '../support/recovery/setting.js';
import { Gates } from '../support/recovery/gates.js';

const gates = new Gates();
const found: { app: Apiary | undefined } = { app: undefined };

@Service()
class Work {
  @Transaction()
  async write(step: string, gate?: string): Promise<string> {
    await sql`insert into done (step) values (${step})`;
    if (gate !== undefined) await gates.at(gate);
    return step;
  }
  @Transaction({ readOnly: true })
  async read(): Promise<number> {
    return (await sql<{ n: number }>`select count(*)::int as n from done`.one()).n;
  }
  @Procedure()
  put(step: string) {
    return sql`insert into done (step) values (${step})`.count();
  }
  @Communicator()
  async call(gate?: string): Promise<string> {
    if (gate !== undefined) await gates.at(gate);
    return 'called';
  }
  /** What a communicator may wait for. */
  @Communicator()
  async waitsFor(id: string): Promise<unknown> {
    return found.app?.handle(id).result();
  }
  @Transaction()
  async waits(how: 'handle' | 'started' | 'started by the app' | 'sleep', id: string): Promise<unknown> {
    await sql`insert into done (step) values ('waits')`;
    switch (how) {
      case 'handle':
        return handleOf(id).result();
      case 'started':
        return start(Flows, { workflowId: `outbox of ${workflowId()}` })
          .writes(1)
          .result();
      case 'started by the app':
        return found.app
          ?.start(Flows, { workflowId: `outbox of ${workflowId()}` })
          .writes(1)
          .result();
      case 'sleep':
        return sleep(1);
    }
  }
}

@Service()
class Flows {
  constructor(private readonly work: Work) {}

  @Workflow()
  async writes(n: number): Promise<number> {
    for (let i = 0; i < n; i++) await this.work.write(`${i}`);
    return n;
  }
  @Workflow()
  async mixed(): Promise<string> {
    await this.work.read();
    await this.work.write('mixed');
    await this.work.put('put');
    await this.work.call();
    await sleep(5);
    return 'mixed';
  }
  @Workflow()
  async beside(): Promise<string[]> {
    return Promise.all([this.work.write('a'), this.work.write('b'), this.work.call(), this.work.write('c')]);
  }
  @Workflow()
  async family(): Promise<number> {
    const inline = await this.writes(2);
    const started = await start(Flows).writes(2);
    const outcomes = await Promise.all([started.result(), this.writes(1), start(Flows).writes(1).result()]);
    return inline + outcomes.reduce((a, b) => a + b, 0);
  }
  @Workflow()
  async waitsLong(id: string): Promise<unknown> {
    await this.work.write('before the wait');
    return handleOf(id).result();
  }
  @Workflow()
  async gated(gate: string): Promise<string> {
    await this.work.call(gate);
    return 'through';
  }
  @Workflow()
  async naps(): Promise<string> {
    await this.work.write('before the nap');
    await sleep(3_000);
    return 'rested';
  }
  @Workflow()
  async transactionWaits(how: 'handle' | 'started' | 'started by the app' | 'sleep', id: string): Promise<unknown> {
    return this.work.waits(how, id);
  }
  @Workflow()
  async awaitsItself(): Promise<unknown> {
    return handleOf(workflowId()).result();
  }
  @Workflow()
  async asks(id: string, levels: number): Promise<unknown> {
    return levels === 0 ? handleOf(id).result() : this.asks(id, levels - 1);
  }
  @Workflow()
  async grandchildAsks(levels: number): Promise<unknown> {
    return this.asks(workflowId(), levels);
  }
  @Workflow()
  async startedAsks(id: string, levels: number): Promise<unknown> {
    return levels === 0 ? handleOf(id).result() : (await start(Flows).startedAsks(id, levels - 1)).result();
  }
  @Workflow()
  async startedGrandchildAsks(levels: number): Promise<unknown> {
    return this.startedAsks(workflowId(), levels);
  }
  @Workflow()
  async communicatorAsks(levels: number): Promise<unknown> {
    return this.communicatorOf(workflowId(), levels);
  }
  @Workflow()
  async communicatorOf(id: string, levels: number): Promise<unknown> {
    return levels === 0 ? this.work.waitsFor(id) : this.communicatorOf(id, levels - 1);
  }
}

const table = {
  migrations: async (knex: import('knex').Knex) => {
    await knex.raw('create table if not exists done (step text)');
  },
};
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    (value) => `ended with ${JSON.stringify(value)}`,
    (error: unknown) => String((error as { code?: string }).code ?? error),
  );

describe('L10: waiting', function () {
  this.timeout(60_000);
  let launched: LaunchedApp;
  let flows: Flows;
  before(async () => {
    launched = await launchApp({ services: [Flows], retry: { maxAttempts: 1 }, ...table });
    found.app = launched.app;
    flows = launched.app.get(Flows);
  });
  after(async () => {
    gates.openAll();
    await launched.close();
  });

  it('L10: who waits for an outcome or sleeps holds no connection', async () => {
    const { connections } = executorOf(launched.app).store;
    await launched.app.start(Flows, { workflowId: 'awaited' }).gated('long');
    await gates.reached('long');
    const waits = Array.from({ length: 30 }, (_, i) =>
      launched.app
        .start(Flows, { workflowId: `waits ${i}` })
        .waitsLong('awaited')
        .result(),
    );
    const naps = Array.from({ length: 5 }, () => flows.naps());
    const calls = Array.from({ length: 5 }, () => launched.app.handle('awaited').result());
    await until(
      'all of them wait',
      async () =>
        Number((await launched.app.knex('done').where({ step: 'before the wait' }).count())[0]?.['count']) === 30 &&
        Number((await launched.app.knex('done').where({ step: 'before the nap' }).count())[0]?.['count']) === 5,
    );
    // The journal and the listener keep one each.
    await until(
      'nothing is on loan',
      () => connections.gauges.userLeased === 0 && connections.gauges.userWaiting === 0 && connections.gauges.systemLeased <= 2,
    );
    const open = await launched.app.knex.raw(
      `select count(*)::int as n from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
    );
    expect(open.rows[0].n).to.equal(0);
    gates.open('long');
    for (const result of [...waits, ...calls]) expect(await result).to.equal('through');
    for (const nap of naps) expect(await nap).to.equal('rested');
  });

  for (const how of ['handle', 'started', 'started by the app', 'sleep'] as const) {
    it(`L10, INTERLEAVING 15: a wait in a @Transaction is refused (${how}), and leaves nothing`, async () => {
      const id = `refused ${how}`;
      expect(await codeOf(launched.app.start(Work, { workflowId: id }).waits(how, 'nobody').result())).to.equal('FORBIDDEN_CALL');
      expect(await codeOf(flows.transactionWaits(how, 'nobody'))).to.equal('FORBIDDEN_CALL');
      expect(await launched.app.knex('done').where({ step: 'waits' })).to.have.length(0);
      expect((await launched.app.list({ idPrefix: 'outbox of' })).items).to.have.length(0);
    });
  }

  const shapes: Record<string, () => Promise<unknown>> = {
    itself: () => flows.awaitsItself(),
    'its parent, inline': () => flows.grandchildAsks(0),
    'its grandparent, inline': () => flows.grandchildAsks(2),
    'its parent, started': () => flows.startedGrandchildAsks(1),
    'its grandparent, started': () => flows.startedGrandchildAsks(3),
    'its own workflow, in a communicator': () => flows.communicatorAsks(0),
    'an ancestor, in a communicator': () => flows.communicatorAsks(2),
  };
  for (const [what, shape] of Object.entries(shapes)) {
    it(`L10, INTERLEAVING 15: who would wait for ${what} is refused`, async () => {
      expect(await codeOf(shape())).to.equal('FORBIDDEN_CALL');
    });
  }

  it('L10: a communicator may wait for a workflow that does not wait for it', async () => {
    await launched.app.start(Flows, { workflowId: 'short' }).writes(1);
    expect(await flows.communicatorOf('short', 0)).to.equal(1);
  });

  it('L10: user code that holds every connection does not starve the engine', async () => {
    const local = await launchApp({ services: [Flows], pool: { size: 3 }, lease: '700 ms', ...table });
    try {
      const other = await local.another();
      const { id, store } = executorOf(local.app);
      const holders = Array.from({ length: 6 }, (_, i) =>
        local.app
          .start(Work, { workflowId: `h${i}` })
          .write('held', 'hold')
          .result(),
      );
      await until(
        'all connections are held, and more are wanted',
        () => store.connections.gauges.userLeased === 3 && store.connections.gauges.userWaiting === 3,
      );
      const counter = async (): Promise<number> => Number((await other.knex('apiary.executor').where({ executor_id: id }))[0].lease_counter);
      const before = await counter();
      await local.app.start(Flows, { workflowId: 'started meanwhile' }).gated('free');
      await gates.reached('free').then((arrival) => arrival.pass());
      expect(await local.app.handle('started meanwhile').result()).to.equal('through');
      expect((await local.app.list({ idPrefix: 'started' })).items).to.have.length(1);
      await until('two leases are renewed', async () => (await counter()) > before + 14);
      expect(executorOf(local.app).id).to.equal(id);
      expect((await other.knex('apiary.executor').where({ executor_id: id }))[0]).to.include({ fenced: false });
      gates.open('hold');
      for (const holder of holders) expect(await holder).to.equal('held');
    } finally {
      gates.openAll();
      await local.close();
    }
  });

  it('L10: with one connection for user code and one for the engine every shape finishes', async () => {
    const local = await launchApp({ services: [Flows], pool: { size: 1, systemSize: 1 }, ...table });
    try {
      const flow = local.app.get(Flows);
      const work = local.app.get(Work);
      await local.app.start(Flows, { workflowId: 'other' }).writes(1);
      const results = await Promise.all(
        Array.from({ length: 4 }, () =>
          Promise.all([
            flow.writes(3),
            flow.mixed(),
            flow.beside(),
            flow.family(),
            flow.waitsLong('other'),
            work.write('direct'),
            work.put('direct'),
            work.read(),
            work.call(),
          ]),
        ),
      );
      for (const [writes, mixed, beside, family, waited] of results) {
        expect([writes, mixed, beside, family, waited]).to.deep.equal([3, 'mixed', ['a', 'b', 'called', 'c'], 6, 1]);
      }
      expect((await local.app.list({ status: ['ERROR', 'PENDING', 'DEAD'] })).items).to.deep.equal([]);
    } finally {
      await local.close();
    }
  });
});
