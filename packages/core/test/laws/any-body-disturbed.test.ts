import { crash, until } from '@apiary/testing/internal';
import type { Apiary } from '@apiary/core';
import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import { Bodies, expectEffectsOnce, schema, seed } from '../support/any-body/checks.js';
import { AnyFlows } from '../support/any-body/flows.js';
import { Engine } from '../support/engine.js';

const bodies = Bodies.drawn();
const config = { services: [AnyFlows], lease: '1 second', poll: '50 ms' } as const;

async function idsOf(engine: Engine, ...statuses: string[]): Promise<string[]> {
  const { rows } = await engine.admin.query<{ id: string }>(
    `select workflow_id as id from apiary.workflow_status where parent_id is null and kind = 'workflow' and status = any($1::text[]) order by 1`,
    [statuses],
  );
  return rows.map((row) => row.id);
}

/** Laws 1 to 8 of bodies that nobody wrote by hand, while what runs them comes and goes. */
describe(`any body, disturbed (seed ${seed})`, () => {
  it('comes to its end, once, though it is cancelled and resumed again and again', async () => {
    await using engine = await Engine.start(config, { schema });
    void bodies.run(engine);
    let cancelled = 0;
    const resume = async (): Promise<void> => {
      const ended = await idsOf(engine, 'CANCELLED');
      cancelled += ended.length;
      if (ended.length > 0) await engine.app.resume({ workflowId: ended });
    };
    for (let round = 0; round < 12; round++) {
      await delay(25);
      const some = (await idsOf(engine, 'PENDING')).filter((_, n) => (n + round) % 3 === 0);
      if (some.length > 0) await engine.app.cancel({ workflowId: some });
      await delay(15);
      await resume();
    }
    await until('all have ended by themselves', async () => {
      await resume();
      return (await idsOf(engine, 'CANCELLED', 'PENDING')).length === 0;
    });
    expect(cancelled, 'workflows that were cancelled').greaterThan(bodies.count / 10);
    const first = await bodies.outcomes(engine);
    expect(first.size).equal(bodies.count);
    await expectEffectsOnce(engine, { callsOnce: false, cancelled: true });
    await bodies.expectReplayAgrees(engine, first);
  });

  it('comes to its end, once, though one of its two executors is fenced again and again', async () => {
    await using engine = await Engine.start(config, { schema });
    await engine.another();
    void bodies.run(engine);
    let fenced = 0;
    for (let round = 0; round < 40 && fenced < 16; round++) {
      await delay(25);
      const { rowCount } = await engine.admin.query(`
        update apiary.executor set fenced = true where executor_id = (
          select executor_id from apiary.workflow_status join apiary.executor e using (executor_id) where status = 'PENDING' and not e.fenced group by 1 order by count(*) desc limit 1)`);
      fenced += rowCount ?? 0;
    }
    const first = await bodies.outcomes(engine);
    expect(fenced, 'executors that were fenced').greaterThan(2);
    await expectEffectsOnce(engine, { callsOnce: false });
    await bodies.expectReplayAgrees(engine, first);
  });

  for (const [how, end] of [
    ['die', (app: Apiary) => crash(app)],
    ['stop', (app: Apiary) => app.shutdown({ grace: '20 ms' })],
  ] as const) {
    it(`comes to its end, once, though its executors ${how} one after the other`, async () => {
      await using engine = await Engine.start(config, { schema });
      void bodies.run(engine);
      let app = engine.app;
      let left = 0;
      for (let round = 0; round < 4; round++) {
        await delay(60);
        const next = await engine.another();
        await delay(40);
        await end(app);
        left += (await idsOf(engine, 'PENDING')).length;
        app = next;
      }
      expect(left, 'workflows in the middle').greaterThan(0);
      const first = await bodies.outcomes(engine);
      await expectEffectsOnce(engine, { callsOnce: false });
      await bodies.expectReplayAgrees(engine, first);
    });
  }

  it('forked at any step, comes to an end that a replay agrees with, and forked behind its last, to the same', async () => {
    await using engine = await Engine.start(config, { schema });
    await bodies.run(engine);
    const first = await bodies.outcomes(engine);
    const { rows } = await engine.admin.query<{ id: string; steps: number }>(
      `select w.workflow_id as id, count(f.step_id)::int as steps from apiary.workflow_status w left join apiary.function_status f using (workflow_id) where parent_id is null group by 1 order by 1`,
    );
    for (const { id, steps } of rows) {
      await engine.app.handle(id).fork({ from: String(steps), workflowId: `${id}-whole` });
      if (steps > 1) await engine.app.handle(id).fork({ from: String(steps >> 1), workflowId: `${id}-half` });
    }
    const second = await bodies.outcomes(engine);
    for (const [id, outcome] of first) expect(second.get(`${id}-whole`), bodies.text(id)).equal(outcome);
    await bodies.expectReplayAgrees(engine, second);
  });
});
