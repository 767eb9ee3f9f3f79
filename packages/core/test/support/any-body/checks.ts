/** What has to hold of any body, whatever befell it. */
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import fc from 'fast-check';
import { abandon } from '../abandon.js';
import type { Engine } from '../engine.js';
import { AnyFlows, told } from './flows.js';
import { anyBody, type Body } from './program.js';

export const schema = 'create table parent (id int primary key); create table child (parent int references parent deferrable initially deferred);';

/** ANY_BODY_SEED and ANY_BODY_RUNS draw others. */
export const seed = Number(process.env['ANY_BODY_SEED'] ?? 1);

export type Outcomes = ReadonlyMap<string, string>;

/** Bodies that run at once, as the workflows any-0, any-1 and so on. */
export class Bodies {
  readonly #bodies: readonly Body[];

  private constructor(bodies: readonly Body[]) {
    this.#bodies = bodies;
  }

  static drawn(): Bodies {
    return new Bodies(fc.sample(anyBody, { numRuns: Number(process.env['ANY_BODY_RUNS'] ?? 60), seed }));
  }

  get count(): number {
    return this.#bodies.length;
  }

  /** Resolves when all that was started has an outcome, and never if the process dies. */
  async run(engine: Engine): Promise<void> {
    told.clear();
    await Promise.allSettled(
      this.#bodies.map((body, n) =>
        engine.app
          .start(AnyFlows, { workflowId: `any-${n}` })
          .run(body)
          .result(),
      ),
    );
  }

  text(id: string): string {
    return `${id} ${JSON.stringify(this.#bodies[Number(id.split('-')[1])])}`;
  }

  /** Outcomes of the roots, when nothing is left to do. */
  async outcomes(engine: Engine): Promise<Outcomes> {
    let left: string[] = [];
    const ended = async (): Promise<boolean> => {
      const { rows } = await engine.admin.query<{ workflow_id: string }>(`select workflow_id from apiary.workflow_status where status = 'PENDING'`);
      left = rows.map((row) => row.workflow_id);
      return left.length === 0;
    };
    await until('all have ended', ended, { within: 50_000 }).catch((error: Error) => {
      throw new Error(`${error.message}: ${left.map((id) => this.text(id)).join('\n')}`);
    });
    const { rows } = await engine.admin.query<{ workflow_id: string; text: string }>(
      `select workflow_id, status || ' ' || coalesce(output, error::json ->> 'message') as text from apiary.workflow_status where parent_id is null`,
    );
    return new Map(rows.map((row) => [row.workflow_id, row.text]));
  }

  /** Runs all of it again, with what is recorded, in another process's place; but what ended by itself when it was to be cancelled. */
  async expectReplayAgrees(engine: Engine, first: Outcomes): Promise<void> {
    const before = await effects(engine);
    const { rows } = await engine.admin.query<{ id: string }>(
      'select workflow_id as id from apiary.workflow_status where not cancel_requested and workflow_id = any($1::text[])',
      [[...first.keys()]],
    );
    await abandon(
      engine,
      rows.map((row) => row.id),
    );
    const second = await this.outcomes(engine);
    for (const [id, outcome] of first) expect(second.get(id), this.text(id)).equal(outcome);
    expect(await effects(engine)).deep.equal(before);
  }
}

/** What happened so far: the ledger, the records, the calls outside. */
async function effects(engine: Engine): Promise<unknown> {
  const { rows: ledger } = await engine.admin.query('select workflow_id, step from ledger order by entry');
  const { rows: records } = await engine.admin.query(
    'select workflow_id, step_id, name, output, error from apiary.function_status order by 1, length(step_id), 2',
  );
  return { ledger, records, told: [...told] };
}

export async function expectEffectsOnce(engine: Engine, { callsOnce, cancelled = false }: { callsOnce: boolean; cancelled?: boolean }): Promise<void> {
  await engine.expectEffectsRecorded();
  const { rows: lines } = await engine.admin.query(
    `select workflow_id, step, count(*)::int as times from ledger group by 1, 2 having count(*) > 1 or step like 'none%'`,
  );
  expect(lines, 'effects that were doubled, or of what failed').deep.equal([]);
  const { rows: other } = await engine.admin.query(`
    select workflow_id, r.writes, l.lines from
      (select workflow_id, count(*)::int as writes from apiary.function_status where error is null and name in ('AnyFlows.write', 'AnyFlows.jot', 'AnyFlows.procedure') group by 1) r
      full join (select workflow_id, count(*)::int as lines from ledger group by 1) l using (workflow_id) where r.writes is distinct from l.lines`);
  expect(other, 'workflows whose effects are not as many as their records').deep.equal([]);
  // Where a body ends by its error, its siblings may have been refused by a cancellation or deadline.
  const { rows: gaps } = await engine.admin.query(
    `with recursive interrupted as (
      select workflow_id from apiary.workflow_status where $1 or cancel_requested or deadline is not null
      union select w.workflow_id from apiary.workflow_status w join interrupted i on w.parent_id = i.workflow_id)
    select workflow_id, status from apiary.function_status join apiary.workflow_status w using (workflow_id)
    where status = 'SUCCESS' or (status = 'ERROR' and not exists (select from interrupted i where i.workflow_id = w.workflow_id))
    group by 1, 2 having count(*) <> max(step_id::int) + 1`,
    [cancelled],
  );
  expect(gaps, 'workflows with gaps in their step ids').deep.equal([]);
  if (callsOnce)
    expect(
      [...told].filter(([, times]) => times > 1),
      'calls outside that were made twice',
    ).deep.equal([]);
}
