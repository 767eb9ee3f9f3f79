import { Communicator, Procedure, Service, Transaction, Workflow, idempotencyKey, now, random, randomUUID, sleep, sql, start, workflowId } from '@apiary/core';
import { expect } from 'chai';
import { resetCautions } from '../support/cautions.js';
import { Engine, note, Trace } from '../support/engine.js';
import { FailingCommits, type CommitFault } from '../support/failing-commits.js';

/** Idempotency keys of the calls of the outside world, in order. */
const calls: string[] = [];

@Service()
class Steps {
  @Transaction()
  async write(label: string): Promise<string> {
    await note(label);
    await sql`update spot set n = n + 1`;
    return label;
  }
  @Transaction({ readOnly: true })
  async read(): Promise<string> {
    await sql`select n from spot`;
    return 'read';
  }
  @Procedure()
  fly(label: string) {
    return sql.batch(
      sql`update spot set n = n + 1`,
      sql<{ step: string }>`insert into ledger (workflow_id, step) values (${workflowId()}, ${label}) returning step`.one(),
    );
  }
  @Communicator()
  async call(label: string): Promise<string> {
    calls.push(`${label} ${idempotencyKey()}`);
    return label;
  }
  @Transaction()
  async refuses(): Promise<never> {
    await note('refused');
    throw new RangeError('no');
  }
  @Transaction()
  async sends(): Promise<string> {
    await note('sends');
    await start(Flows, { workflowId: `${workflowId()}-out` }).leaf('out');
    return 'sent';
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async transfer(): Promise<string[]> {
    return [await this.steps.write('debit'), await this.steps.write('credit')];
  }
  @Workflow()
  async order(): Promise<string[]> {
    const out = [await this.steps.read(), await this.steps.write('reserve')];
    now();
    random();
    randomUUID();
    out.push(await this.steps.call('charge'), await this.steps.write('ticket'), await this.steps.call('notify'));
    return out;
  }
  @Workflow()
  async family(): Promise<string[]> {
    const handle = await start(Flows).leaf('started');
    return [await this.nested(), await handle.result(), await this.steps.write('parent')];
  }
  @Workflow()
  async nested(): Promise<string> {
    return `${await this.leaf('inner')} ${await this.steps.write('nested')}`;
  }
  @Workflow()
  async leaf(label: string): Promise<string> {
    return `${await this.steps.write(`${label} 1`)} ${await this.steps.call(label)} ${await this.steps.write(`${label} 2`)}`;
  }
  @Workflow()
  async atOnce(): Promise<string[]> {
    const three = await Promise.all([this.steps.write('a'), this.steps.write('b'), this.steps.call('c')]);
    return [...three, (await this.steps.fly('flown')).step, await this.steps.read()];
  }
  @Workflow()
  async outbox(): Promise<string[]> {
    return [await this.steps.sends(), await this.steps.write('after')];
  }
  @Workflow()
  async compensates(): Promise<string[]> {
    const first = await this.steps.write('book');
    const second = await this.steps.refuses().catch((error: Error) => error.message);
    return [first, second, await this.steps.write('cancel booking')];
  }
  @Workflow()
  async sleeps(): Promise<string[]> {
    const first = await this.steps.write('before');
    await sleep(1);
    return [first, await this.steps.write('after')];
  }
}

const shapes = ['transfer', 'order', 'family', 'atOnce', 'outbox', 'compensates', 'sleeps'] as const;
const kinds: readonly CommitFault[] = ['40001', 'lost row', 'lost connection'];

/** All that is left of a workflow and its descendants, without ids and times. */
interface Left {
  readonly outcome: unknown;
  readonly ledger: readonly string[];
  readonly spot: number;
  readonly calls: readonly string[];
  readonly workflows: readonly string[];
  readonly records: readonly string[];
}

describe('4.5: a failure forced at every commit of several shapes leaves what no failure leaves', function () {
  this.timeout(180_000);
  let engine: Engine;
  let faults: FailingCommits;
  const trace = new Trace();
  before(async () => {
    // No record goes by itself: how many commits there are must not depend on the machine's speed.
    engine = await Engine.start({ services: [Flows], poll: '50 ms', linger: '10 seconds' }, { internals: { probe: trace.probe } });
    faults = await FailingCommits.install(engine.admin);
  });
  after(() => engine.close());

  async function run(shape: (typeof shapes)[number], id: string): Promise<Left> {
    await engine.clear();
    await engine.admin.query(`insert into spot values ('s', 0)`);
    calls.length = 0;
    trace.clear();
    resetCautions(engine.app);
    const outcome = await engine.app.start(Flows, { workflowId: id })[shape]().result();
    if (shape === 'outbox') await engine.app.handle(`${id}-out`).result();
    const strip = (text: string): string => text.replaceAll(id, 'id');
    const { rows: workflows } = await engine.admin.query<{ line: string }>(
      `select concat_ws(' ', workflow_id, name, status, parent_id, output) as line
      from apiary.workflow_status where workflow_id like $1 order by 1`,
      [`${id}%`],
    );
    const { rows: records } = await engine.admin.query<{ line: string }>(
      `select concat_ws(' ', workflow_id, step_id, name, kind, child_id, error is not null) as line
      from apiary.function_status where workflow_id like $1 order by 1`,
      [`${id}%`],
    );
    return {
      outcome,
      ledger: (await engine.ledger()).sort(),
      spot: (await engine.admin.query<{ n: number }>('select n from spot')).rows[0]?.n ?? -1,
      // Beside a step that makes the run void, a communicator that has not ended is called again, with the same key; never after its record.
      calls: [...(shape === 'atOnce' ? new Set(calls.map(strip)) : calls.map(strip))].sort(),
      workflows: workflows.map((w) => strip(w.line)),
      records: records.map((r) => strip(r.line)),
    };
  }

  for (const shape of shapes) {
    for (const kind of kinds) {
      it(`4.5: ${shape}, ${kind} at each commit in turn`, async () => {
        await faults.failNone();
        const expected = await run(shape, `${shape}-${kind}-none`);
        const { commits } = await faults.counts();
        expect(commits).greaterThan(1);
        let hit = 0;
        let voids = 0;
        for (let n = 1; n <= commits; n++) {
          await faults.fail(kind, n);
          const left = await run(shape, `${shape}-${kind}-${n}`);
          expect(left, `commit ${n} of ${commits}`).deep.equal(expected);
          hit += (await faults.counts()).faults;
          voids += trace.of('run:void').length;
        }
        // Concurrent groups may share a batch, so that there are fewer commits than in the run without a fault.
        const concurrent = shape === 'atOnce' || shape === 'family' || shape === 'outbox';
        expect(hit, 'commits that failed').within(concurrent ? Math.ceil(commits / 2) : commits, commits);
        // Of calls at once none hands its value over before its commit, unless it happens to be the last: nothing need be void then.
        if (kind === 'lost row' || (kind === '40001' && shape !== 'atOnce')) expect(voids, 'runs that were void').greaterThan(0);
        await engine.expectEffectsRecorded();
      });
    }
  }
});
