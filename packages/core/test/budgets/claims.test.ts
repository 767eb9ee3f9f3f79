import { Service, Transaction, Workflow, sql } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { expect } from 'chai';
import { abandon } from '../support/abandon.js';
import { Engine } from '../support/engine.js';

@Service()
class Steps {
  @Transaction()
  async one(): Promise<void> {
    await sql`insert into spot values ('x', 1)`;
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async flow(): Promise<void> {
    await this.steps.one();
  }
}

interface Plan {
  readonly 'Relation Name'?: string;
  readonly 'Actual Loops'?: number;
  readonly Plans?: readonly Plan[];
}

/** How often a plan went to a table. */
function visits(plan: Plan, table: string): number {
  const here = plan['Relation Name'] === table ? (plan['Actual Loops'] ?? 0) : 0;
  return (plan.Plans ?? []).reduce((sum, part) => sum + visits(part, table), here);
}

describe('budgets of a takeover', () => {
  it('a claim counts the records of the workflows that it takes, not of all that wait: recovering many costs each the same', async () => {
    await using engine = await Engine.start({ services: [Flows], poll: '10 seconds', lease: '1 minute' });
    const ids = Array.from({ length: 300 }, (_, i) => `w-${i}`);
    for (let i = 0; i < ids.length; i += 50)
      await Promise.all(ids.slice(i, i + 50).map((workflowId) => engine.app.start(Flows, { workflowId }).flow().result()));
    const { executor } = runningOf(engine.app);
    const gone = await abandon(engine, ids, 'another');
    await engine.admin.query('analyze');
    for (const which of ['first', 'again'] as const) {
      if (which === 'again') await engine.admin.query('update apiary.workflow_status set attempts = 1, claimed_records = 1000');
      await engine.admin.query('begin');
      const { rows } = await engine.admin.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(`explain (analyze, format json) ${executor.store.sql.claim}`, [
        gone,
        executor.id,
        10,
        which,
        0,
      ]);
      const { rows: taken } = await engine.admin.query('select from apiary.workflow_status where executor_id = $1', [executor.id]);
      await engine.admin.query('rollback');
      expect(taken, `${which}: a batch of ten of 300`).length(10);
      expect(visits(rows[0]?.['QUERY PLAN'][0].Plan as Plan, 'function_record'), `${which}: counts of records`).equal(10);
    }
  });
});
