/** A batch of the journal that is written behind another one, whose answer has not come yet. */
import { Service, Workflow } from '@apiary/core';
import { runningOf, type Statement } from '@apiary/core/internal';
import { executes, killBackend, until, type Fault } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, Trace } from '../support/engine.js';

@Service()
class Flows {
  @Workflow()
  async nothing(): Promise<void> {}
}

const outcome = { status: 'SUCCESS', output: null, error: null } as const;

describe('4.3: a batch behind one that is in the air', () => {
  let engine: Engine;
  const trace = new Trace();
  /** What each group was told. */
  const told = new Map<string, string>();
  beforeEach(async () => {
    engine = await Engine.start({ services: [Flows] }, { proxied: true, internals: { probe: trace.probe } });
    told.clear();
    // All its statements are prepared: nothing is written behind a flight that prepares.
    push(names('warm', 9));
    await until('the journal has its connection', () => told.size === 9);
    push(names('warmer', 17));
    await until('its statements are prepared', () => told.size === 26);
    push(names('warmest', 1));
    await until('that of one row, too', () => told.size === 27);
    told.clear();
    trace.clear();
  });
  afterEach(() => engine.close());

  const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);

  /** A group for each name: a start row of its own, or a record of the workflow after the colon. */
  function push(group: readonly string[]): void {
    const { executor } = runningOf(engine.app);
    for (const name of group) {
      const [id = '', recordOf] = name.split(':');
      const owner = { executorId: executor.id, epoch: 1 };
      const start = { workflowId: id, name: 'Flows.nothing', kind: 'workflow', input: null, inputHash: '', version: 'test', ...owner } as const;
      const cargo = {
        starts: recordOf === undefined ? [{ ...start, parentId: null, rootId: null, deadline: null, outcome, records: null }] : [],
        records:
          recordOf === undefined
            ? []
            : [
                {
                  ...({ workflowId: recordOf, stepId: '0', name: 'x', kind: 'value', inputHash: null, output: null, error: null, ...owner } as const),
                  ...{ attempts: 1, childId: null, startedAt: 1, completedAt: 1 },
                },
              ],
        outcomes: [],
        parks: [],
        foreign: [],
      };
      executor.journal.push({
        cargo,
        bytes: 1,
        wanted: () => true,
        durable: () => void told.set(name, 'durable'),
        failed: (error) => void told.set(name, (error as Error).name),
      });
    }
  }

  const journals = executes(/^(?:copy|insert into) "apiary"/);
  /** What happens to the next flight of the journal. */
  const next = (fault: Fault & { kind: 'hold request' | 'hold answer' | 'lose answer' }) => engine.proxy.add({ on: 'request', is: journals, fault });

  const stored = async (): Promise<number> => {
    const { rows } = await engine.admin.query<{ n: number }>(`select count(*)::int as n from apiary.workflow_status where workflow_id not like 'warm%'`);
    return rows[0]?.n ?? 0;
  };
  const turns = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    await stored();
  };
  /** What was copied, flight by flight. */
  const copies = (): string[] => {
    const flights = trace.of('flight:written').filter(({ connection }) => connection === 'journal');
    return flights.map(({ statements }) => (statements[0] as Statement).copy ?? '');
  };
  const batches = (): number[] => copies().map((rows) => rows.split('\n').length - 1);
  const all = (groups: readonly string[], but: Readonly<Record<string, string>> = {}): [string, string][] =>
    groups.map((name): [string, string] => [name, but[name] ?? 'durable']).sort();
  const results = (): [string, string][] => [...told].sort();

  it('is at the server when that one is durable, and nobody is told before his answer has come', async () => {
    const held = next({ kind: 'hold answer' });
    push(names('a', 20));
    await held.hit;
    push(names('b', 20));
    await until('both are durable', async () => (await stored()) === 40);
    expect(told.size).equal(0);
    held.release();
    await until('all are told', () => told.size === 40);
    expect(batches()).deep.equal([20, 20]);
    expect(results()).deep.equal(all([...names('a', 20), ...names('b', 20)]));
  });

  it('is as large as that one, and of two batches on their way none is behind', async () => {
    const held = next({ kind: 'hold answer' });
    push(names('a', 20));
    await held.hit;
    push(names('b', 19));
    await turns();
    expect(await stored()).equal(20);
    push(names('c', 1));
    await until('it has left', async () => (await stored()) === 40);
    push(names('d', 60));
    await turns();
    expect(await stored()).equal(40);
    held.release();
    await until('all are told', () => told.size === 100);
    expect(batches()).deep.equal([20, 20, 60]);
  });

  it('is not one of a few groups: they gather', async () => {
    const held = next({ kind: 'hold answer' });
    push(names('a', 9));
    await held.hit;
    push(names('b', 15));
    await turns();
    expect(await stored()).equal(9);
    held.release();
    await until('all are told', () => told.size === 24);
    expect(batches()).deep.equal([9, 15]);
  });

  it('has nothing of a workflow that the other one carries: of one workflow the order of pushing is that of durability', async () => {
    const held = next({ kind: 'hold answer' });
    push(names('a', 20));
    await held.hit;
    const behind = [...names('b', 16), 'r:a-7', ...names('c', 8)];
    push(behind);
    await until('those before it have left', async () => (await stored()) === 36);
    expect((await engine.records('a-7')).length).equal(0);
    held.release();
    await until('all are told', () => told.size === 45);
    expect(results()).deep.equal(all([...names('a', 20), ...behind]));
    expect((await engine.records('a-7')).length).equal(1);
  });

  async function taken(...ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      await engine.admin.query(
        `insert into apiary.workflow_status (workflow_id, name, kind, status, executor_id, app_version) values ($1, 'x', 'workflow', 'PENDING', 'another', 'other')`,
        [id],
      );
    }
  }

  const poisons: readonly (readonly [string, readonly string[]])[] = [
    ['that fails', ['a-3']],
    ['that is durable, and fails itself', ['b-3']],
    ['that fails, and fails itself', ['a-3', 'b-3']],
  ];
  for (const [which, poisoned] of poisons) {
    it(`behind one ${which}: the rows of others fail alone, each other group is durable once`, async () => {
      await taken(...poisoned);
      const { journal } = runningOf(engine.app).executor;
      const { splits } = journal.counters;
      const held = next({ kind: 'hold request' });
      const second = engine.proxy.add({ on: 'request', is: journals, skip: 1, fault: { kind: 'hold answer' } });
      push(names('a', 20));
      await held.hit;
      push(names('b', 20));
      expect(await until('both are written', () => batches().length === 2)).equal(true);
      // What comes meanwhile is behind none that has failed.
      push(names('c', 60));
      held.release();
      await second.hit;
      await until('the first is answered', () => trace.of('flight:answered').some(({ connection }) => connection === 'journal'));
      await turns();
      second.release();
      await until('all are told', () => told.size === 100);
      expect(results()).deep.equal(
        all([...names('a', 20), ...names('b', 20), ...names('c', 60)], Object.fromEntries(poisoned.map((name) => [name, 'LostRow']))),
      );
      expect(journal.counters.splits - splits).equal(poisoned.length);
      expect(await stored()).equal(100);
      expect(mostInTheAir(), 'flights on their way while a batch was written in parts').equal(1);
    });
  }

  /** Most flights of the journal that were on their way at once, after the first that failed. */
  function mostInTheAir(): number {
    let failed = false;
    let inTheAir = 0;
    let most = 0;
    for (const { point, detail } of trace.points) {
      if ((detail as { connection?: string }).connection !== 'journal') continue;
      if (point === 'flight:written') inTheAir++;
      if (point === 'flight:answered') inTheAir--;
      failed ||= point === 'flight:answered' && 'error' in detail;
      if (failed && point === 'flight:written') most = Math.max(most, inTheAir);
    }
    expect(failed, 'one has failed').equal(true);
    return most;
  }

  const losses = [
    ['after its commit', true],
    ['before it arrives', false],
  ] as const;
  for (const [which, arrives] of losses) {
    it(`is written again with that one when the connection is lost ${which}, and nothing is there twice or missing`, async () => {
      const held = next({ kind: 'hold request' });
      const lost = arrives ? next({ kind: 'lose answer' }) : undefined;
      push(names('a', 20));
      const { pid } = await held.hit;
      push(names('b', 20));
      await until('both are written', () => batches().length === 2);
      const ending = engine.proxy.add({ on: 'request', is: executes(/pg_terminate_backend/), fault: { kind: 'hold request' } });
      if (lost === undefined) await killBackend(engine.admin, pid as number);
      held.release();
      await ending.hit;
      // Time enough for a batch that does not wait until the old backend is gone.
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(batches().length).equal(2);
      ending.release();
      if (lost !== undefined) expect((await lost.hit).answer).deep.equal(['COPY 20']);
      await until('all are told', () => told.size === 40);
      expect(results()).deep.equal(all([...names('a', 20), ...names('b', 20)]));
      expect(await stored()).equal(40);
      const order = copies().flatMap((rows) => (rows === '' ? [] : [rows.charAt(0)]));
      expect(order, 'which were written, and again').deep.equal(['a', 'b', 'a', 'b']);
      expect(trace.of('run:void')).deep.equal([]);
    });
  }
});
