import { crash, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import fc from 'fast-check';
import { abandon } from '../support/abandon.js';
import { AnyFlows, told } from '../support/any-body/flows.js';
import { anyBody, type Body } from '../support/any-body/program.js';
import { Engine } from '../support/engine.js';
import { FailingCommits } from '../support/failing-commits.js';

const seed = Number(process.env['ANY_BODY_SEED'] ?? 1);
const bodies = fc.sample(anyBody, { numRuns: Number(process.env['ANY_BODY_RUNS'] ?? 60), seed });
const schema = 'create table parent (id int primary key); create table child (parent int references parent deferrable initially deferred);';

type Outcomes = ReadonlyMap<string, string>;

/** Outcomes of the roots, when nothing is left to do. */
async function outcomes(engine: Engine): Promise<Outcomes> {
  let left: string[] = [];
  const ended = async (): Promise<boolean> => {
    const { rows } = await engine.admin.query<{ workflow_id: string }>(`select workflow_id from apiary.workflow_status where status = 'PENDING'`);
    left = rows.map((row) => row.workflow_id);
    return left.length === 0;
  };
  await until('all have ended', ended, { within: 50_000 }).catch((error: Error) => {
    throw new Error(`${error.message}: ${left.map((id) => `${id} ${JSON.stringify(bodyOf(id))}`).join('\n')}`);
  });
  const { rows } = await engine.admin.query<{ workflow_id: string; text: string }>(
    `select workflow_id, status || ' ' || coalesce(output, error::json ->> 'message') as text from apiary.workflow_status where parent_id is null`,
  );
  return new Map(rows.map((row) => [row.workflow_id, row.text]));
}

const bodyOf = (id: string): Body | undefined => bodies[Number(id.split('-')[1])];

/** What happened so far: the ledger, the records, the calls outside. */
async function effects(engine: Engine): Promise<unknown> {
  const { rows: ledger } = await engine.admin.query('select workflow_id, step from ledger order by entry');
  const { rows: records } = await engine.admin.query(
    'select workflow_id, step_id, name, output, error from apiary.function_status order by 1, length(step_id), 2',
  );
  return { ledger, records, told: [...told] };
}

async function expectEffectsOnce(engine: Engine, callsOnce: boolean): Promise<void> {
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
  const { rows: gaps } = await engine.admin.query(`
    select workflow_id from apiary.function_status group by 1 having count(*) <> max(step_id::int) + 1`);
  expect(gaps, 'workflows with gaps in their step ids').deep.equal([]);
  if (callsOnce)
    expect(
      [...told].filter(([, times]) => times > 1),
      'calls outside that were made twice',
    ).deep.equal([]);
}

/** Runs all of it again, with what is recorded, in another process's place. */
async function expectReplayAgrees(engine: Engine, first: Outcomes): Promise<void> {
  const before = await effects(engine);
  await abandon(engine, [...first.keys()]);
  const second = await outcomes(engine);
  for (const [id, outcome] of first) expect(second.get(id), `${id}: ${JSON.stringify(bodyOf(id))}`).equal(outcome);
  expect(await effects(engine)).deep.equal(before);
}

/** Resolves when all that was started has an outcome, and never if the process dies. */
async function run(engine: Engine): Promise<void> {
  told.clear();
  await Promise.allSettled(
    bodies.map((body, n) =>
      engine.app
        .start(AnyFlows, { workflowId: `any-${n}` })
        .run(body)
        .result(),
    ),
  );
}

/** Law 6, and the first laws with it: of bodies that nobody wrote by hand. ANY_BODY_SEED and ANY_BODY_RUNS draw others. */
describe(`any body (seed ${seed})`, () => {
  it('comes to the same end in a replay, which does nothing again', async () => {
    await using engine = await Engine.start({ services: [AnyFlows], lease: '2 seconds' }, { schema });
    await run(engine);
    const first = await outcomes(engine);
    expect(first.size).equal(bodies.length);
    await expectEffectsOnce(engine, true);
    await expectReplayAgrees(engine, first);
  });

  for (const [fault, every] of [
    ['40001', 5],
    ['40P01', 3],
    ['lost connection', 11],
  ] as const) {
    it(`the same where every ${every}th commit fails (${fault})`, async () => {
      await using engine = await Engine.start({ services: [AnyFlows], lease: '2 seconds' }, { schema });
      const faults = await FailingCommits.install(engine.admin);
      await faults.failEvery(fault, every);
      await run(engine);
      const first = await outcomes(engine);
      expect((await faults.counts()).faults, 'commits that failed').greaterThan(bodies.length / 10);
      await faults.failNone();
      await expectEffectsOnce(engine, true);
      await expectReplayAgrees(engine, first);
    });
  }

  it('the same where its process dies in the middle', async () => {
    await using engine = await Engine.start({ services: [AnyFlows], lease: '500 ms', poll: '50 ms' }, { schema });
    void run(engine);
    await until('half of the rows are there', async () => {
      const { rows } = await engine.admin.query<{ n: number }>(`select count(*)::int as n from apiary.function_record`);
      return (rows[0]?.n ?? 0) > bodies.length / 2;
    });
    await crash(engine.app);
    const { rows } = await engine.admin.query(`select from apiary.workflow_status where status = 'PENDING'`);
    expect(rows.length, 'workflows in the middle').greaterThan(0);
    await engine.another();
    const first = await outcomes(engine);
    await expectEffectsOnce(engine, false);
    await expectReplayAgrees(engine, first);
  });
});
