import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestApp, exportHistory, replayCheck, type TestApp } from '@apiary/testing';
import '@apiary/testing/chai';
import { inputHash } from '@apiary/core/internal';
import { expect } from 'chai';
import { GATEWAY, Journeys, migrations, Notes } from './journeys.js';

const gateway = { address: 'post@apiary.example', send: async (text: string) => `sent ${text}` };

async function travelled(): Promise<TestApp> {
  const app = await createTestApp({ services: [Journeys], provide: [[GATEWAY, gateway]], migrations });
  const all = await app.start(Journeys, { workflowId: 'all' }).all('x');
  await app.clock.runToIdle();
  await expect(all).to.complete;
  await expect(await app.start(Journeys, { workflowId: 'fails' }).fails()).to.fail.with('out of stock');
  await expect(await app.start(Journeys, { workflowId: 'refused' }).refused()).to.complete.with('NOT_RECORDABLE');
  await expect(await app.start(Journeys, { workflowId: 'collides' }).collides()).to.complete.with('CONFLICT');
  await expect(await app.start(Journeys, { workflowId: 'beside' }).beside()).to.complete;
  const cancelled = await app.start(Journeys, { workflowId: 'cancelled' }).waits();
  await app.reached(cancelled, Notes, 'add');
  await cancelled.cancel();
  await expect(cancelled).to.fail.with('CANCELLED');
  const pending = await app.start(Journeys, { workflowId: 'pending' }).waits();
  await app.reached(pending, Notes, 'add');
  return app;
}

/** Rows of every table, and what the server counted of them. */
async function rowsOf(app: TestApp): Promise<unknown> {
  const { rows } = await app.knex.raw<{ rows: unknown[] }>(`select 'w' as t, workflow_id as id, w.xmin::text, status, epoch from apiary.workflow_status w
    union all select 'f', workflow_id || ' ' || step_id, f.xmin::text, name, epoch from apiary.function_record f
    union all select 'n', id::text, n.xmin::text, text, 0 from note n
    union all select 'e', executor_id, '', app_version, 0 from apiary.executor order by 1, 2`);
  return rows;
}

describe('replayCheck', () => {
  let app: TestApp;
  before(async () => {
    app = await travelled();
  });
  after(() => app[Symbol.asyncDispose]());

  it('finds nothing where the code is the same: every kind of step, ended and not, without what only steps need', async () => {
    const found = await replayCheck({ services: [Journeys], database: app.connectionString });
    // all, its two children, fails, refused, collides, beside, cancelled, pending
    expect(found).to.deep.equal({ checked: 9, problems: [] });
  });

  it('replays only what has not ended, on request', async () => {
    expect(await replayCheck({ services: [Journeys], database: app.connectionString, pendingOnly: true })).to.deep.equal({ checked: 1, problems: [] });
  });

  it('writes nothing, makes no executor, runs no step, and takes a Knex of its caller', async () => {
    const before = await rowsOf(app);
    const { checked } = await replayCheck({ services: [Journeys], database: app.knex });
    expect(checked).to.equal(9);
    expect(await rowsOf(app)).to.deep.equal(before);
  });
});

describe('exported histories', () => {
  let folder: string;
  let app: TestApp;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'histories-'));
    app = await travelled();
  });
  after(async () => {
    await app[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  for (const workflowId of ['all', 'fails', 'refused', 'collides', 'beside', 'cancelled', 'pending']) {
    it(`fit the code that wrote them: ${workflowId}`, async () => {
      const file = join(folder, `${workflowId}.json`);
      await exportHistory(app, workflowId, file);
      expect(await replayCheck({ services: [Journeys], files: [file] })).to.deep.equal({ checked: 1, problems: [] });
    });
  }

  it('are the same text each time, without executors and times', async () => {
    const [one, two] = [join(folder, 'one.json'), join(folder, 'two.json')];
    await exportHistory(app, 'pending', one);
    await exportHistory(app, 'pending', two);
    const text = await readFile(one, 'utf8');
    expect(await readFile(two, 'utf8')).to.equal(text);
    const noted = await app.knex('note').max<{ max: number }[]>('id').first();
    expect(JSON.parse(text)).to.deep.equal({
      format: 'apiary history',
      version: 1,
      workflowId: 'pending',
      name: 'Journeys.waits',
      status: 'PENDING',
      input: { json: [] },
      output: null,
      error: null,
      steps: [
        {
          stepId: '0',
          name: 'Notes.add',
          kind: 'transaction',
          inputHash: inputHash('["before"]'),
          order: 1,
          output: { json: noted?.max },
          error: null,
        },
        { stepId: '1', name: 'sleep', kind: 'sleep', inputHash: null, order: 2, output: null, error: null },
      ],
    });
  });
});
