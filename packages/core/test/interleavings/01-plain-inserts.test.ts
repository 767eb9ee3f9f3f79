import { Procedure, Service, Transaction, Workflow, sql, workflowId } from '@apiary/core';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Engine, note, Trace } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  @Transaction()
  async first(): Promise<string> {
    await note('first');
    return 'first';
  }
  /** A snapshot is taken before or after the winner commits. */
  @Transaction()
  async races(who: string): Promise<string> {
    await gates.at(`${who} before its snapshot`);
    await note(who);
    await gates.at(`${who} after its snapshot`);
    return who;
  }
  @Procedure()
  flies() {
    return sql<{ step: string }>`insert into ledger (workflow_id, step) values (${workflowId()}, 'flown') returning step`.one();
  }
}

/** The app that runs it says who it is: the same function, another process. */
@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async races(): Promise<string> {
    await this.steps.first();
    await gates.at('between');
    return this.steps.races('A');
  }
  @Workflow()
  async one(): Promise<string> {
    return this.steps.races('A');
  }
  @Workflow()
  async flies(): Promise<unknown> {
    await this.steps.first();
    await gates.at('between');
    return this.steps.flies();
  }
}

/** What B does: claims W though A lives (no fence), runs the step, and commits record, effect and outcome. */
const theirWork = (id: string, output: string) => `begin;
  update apiary.workflow_status set executor_id = 'B', epoch = epoch + 1, status = 'SUCCESS', output = '${output}' where workflow_id = '${id}';
  insert into apiary.function_record (workflow_id, step_id, name, kind, output, executor_id, epoch, started_at, completed_at)
    values ('${id}', '1', 'Steps.races', 'transaction', '${output}', 'B', 2, 0, 1);
  insert into ledger (workflow_id, step) values ('${id}', 'B');
  commit`;

for (const isolation of ['serializable', 'repeatable read', 'read committed'] as const) {
  describe(`INTERLEAVING 1 at ${isolation}`, () => {
    let engine: Engine;
    const trace = new Trace();
    let encoded: string;
    before(async () => {
      engine = await Engine.start({ services: [Flows], isolation, poll: '50 ms' }, { internals: { probe: trace.probe } });
      await engine.app.start(Flows, { workflowId: 'plain' }).one().result();
      // How a text is stored.
      encoded = (await engine.row('plain'))?.output?.replace('A', 'B') ?? '';
    });
    after(() => engine.close());
    beforeEach(async () => {
      await engine.clear();
      gates.reset();
      trace.clear();
    });

    for (const when of ['before', 'after'] as const) {
      it(`INTERLEAVING 1: the winner commits its record ${when} the loser's snapshot: the loser's effects are nowhere`, async () => {
        const id = `w-${when}`;
        gates.close(`A ${when} its snapshot`);
        const outcome = engine.app.start(Flows, { workflowId: id }).races().result();
        await gates.reached(`A ${when} its snapshot`);
        await engine.admin.query(theirWork(id, encoded));
        gates.open(`A ${when} its snapshot`);
        expect(await outcome, 'the caller gets what the winner did').equal('B');
        expect(await engine.ledger(id)).deep.equal(['first', 'B']);
        const refused = trace.of('flight:answered').filter((f) => (f.error as { code?: string } | undefined)?.code === '23505');
        expect(
          refused.map((f) => f.statements.at(-1)?.text),
          'the COMMIT in the same flight was skipped',
        ).deep.equal(['commit']);
        expect(trace.of('run:void').map((v) => v.workflowId)).deep.equal([id]);
        // The connection is clean, and the pool whole.
        expect(await engine.app.get(Flows).one()).equal('A');
      });

      it(`INTERLEAVING 1: the same for the start row, the winner commits ${when} the snapshot`, async () => {
        const id = `s-${when}`;
        gates.close(`A ${when} its snapshot`);
        const outcome = engine.app.start(Flows, { workflowId: id }).one().result();
        await gates.reached(`A ${when} its snapshot`);
        const hash = (await engine.admin.query<{ input_hash: string }>(`select input_hash from apiary.workflow_status where workflow_id = 'plain'`)).rows[0]
          ?.input_hash;
        await engine.admin.query(
          `insert into apiary.workflow_status (workflow_id, name, kind, status, input, input_hash, output, executor_id, app_version)
          values ($1, 'Flows.one', 'workflow', 'SUCCESS', '[]', $2, $3, 'B', 'test')`,
          [id, hash, encoded],
        );
        gates.open(`A ${when} its snapshot`);
        expect(await outcome).equal('B');
        expect(await engine.ledger(id)).deep.equal([]);
      });
    }

    it('INTERLEAVING 1: the same for a @Procedure', async () => {
      gates.close('between');
      const outcome = engine.app.start(Flows, { workflowId: 'p' }).flies().result();
      await gates.reached('between');
      await until('the first step is durable', async () => (await engine.records('p')).length === 1);
      await engine.admin.query(theirWork('p', encoded));
      gates.open('between');
      expect(await outcome).equal('B');
      expect(await engine.ledger('p')).deep.equal(['first', 'B']);
    });

    it('INTERLEAVING 1: a real second executor claims a workflow whose first one still runs: one effect, one outcome', async () => {
      gates.close('A after its snapshot');
      const outcome = engine.app.start(Flows, { workflowId: 'two' }).races().result();
      await gates.reached('A after its snapshot');
      const second = await engine.another();
      const me = (await engine.admin.query<{ id: string }>('select executor_id as id from apiary.executor order by started_at desc limit 1')).rows[0]?.id;
      // As a claim without fence would: B's poll adopts what carries its id.
      await engine.admin.query(`update apiary.workflow_status set executor_id = $1, epoch = epoch + 1 where workflow_id = 'two'`, [me]);
      await gates.reached('A after its snapshot', 2);
      // Both have written and hold their effect back: A goes first, then B, as it comes.
      gates.open('A after its snapshot');
      expect(await Promise.all([outcome, second.handle('two').result()])).deep.equal(['A', 'A']);
      expect(await engine.ledger('two')).deep.equal(['first', 'A']);
      expect((await engine.records('two')).map((r) => r.step_id)).deep.equal(['0', '1']);
      expect((await engine.row('two'))?.status).equal('SUCCESS');
      await second.shutdown({ grace: 0 });
    });

    it('4.2: an open transaction of user code holds no lock on an engine table, nothing of ours is there before the final flight', async () => {
      gates.close('A after its snapshot');
      const outcome = engine.app.start(Flows, { workflowId: 'open' }).one().result();
      await gates.reached('A after its snapshot');
      const { rows } = await engine.admin.query<{ relation: string; locks: number }>(
        `select l.relation::regclass::text as relation, count(*)::int as locks from pg_locks l join pg_stat_activity a using (pid)
         where a.datname = current_database() and a.state = 'idle in transaction' and l.relation is not null group by 1 order by 1`,
      );
      expect(
        rows.map((r) => r.relation).filter((r) => r.includes('ledger')),
        'the transaction is open',
      ).not.deep.equal([]);
      expect(rows.filter((r) => /workflow_status|function_record|executor/.test(r.relation))).deep.equal([]);
      expect(await engine.row('open')).equal(undefined);
      gates.open('A after its snapshot');
      await outcome;
    });
  });
}
