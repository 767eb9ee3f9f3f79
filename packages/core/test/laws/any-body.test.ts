import { crash, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { Bodies, expectEffectsOnce, schema, seed } from '../support/any-body/checks.js';
import { AnyFlows } from '../support/any-body/flows.js';
import { Engine } from '../support/engine.js';
import { FailingCommits } from '../support/failing-commits.js';

const bodies = Bodies.drawn();

/** Law 6, and the first laws with it: of bodies that nobody wrote by hand. */
describe(`any body (seed ${seed})`, () => {
  it('comes to the same end in a replay, which does nothing again', async () => {
    await using engine = await Engine.start({ services: [AnyFlows], lease: '2 seconds' }, { schema });
    await bodies.run(engine);
    const first = await bodies.outcomes(engine);
    expect(first.size).equal(bodies.count);
    await expectEffectsOnce(engine, { callsOnce: true });
    await bodies.expectReplayAgrees(engine, first);
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
      await bodies.run(engine);
      const first = await bodies.outcomes(engine);
      expect((await faults.counts()).faults, 'commits that failed').greaterThan(bodies.count / 10);
      await faults.failNone();
      await expectEffectsOnce(engine, { callsOnce: true });
      await bodies.expectReplayAgrees(engine, first);
    });
  }

  it('the same where its process dies in the middle', async () => {
    await using engine = await Engine.start({ services: [AnyFlows], lease: '500 ms', poll: '50 ms' }, { schema });
    void bodies.run(engine);
    await until('half of the rows are there', async () => {
      const { rows } = await engine.admin.query<{ n: number }>(`select count(*)::int as n from apiary.function_record`);
      return (rows[0]?.n ?? 0) > bodies.count / 2;
    });
    await crash(engine.app);
    const { rows } = await engine.admin.query(`select from apiary.workflow_status where status = 'PENDING'`);
    expect(rows.length, 'workflows in the middle').greaterThan(0);
    await engine.another();
    const first = await bodies.outcomes(engine);
    await expectEffectsOnce(engine, { callsOnce: false });
    await bodies.expectReplayAgrees(engine, first);
  });
});
