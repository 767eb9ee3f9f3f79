import { Child, createDatabase, type TestDatabase } from '@apiary/testing/internal';
import { expect } from 'chai';
import pg from 'pg';
import type { Report, Task } from '../support/children/many-workflows.js';

/** What code that is compiled later, statistics of the optimiser and the like may take. */
const allowedMegabytes = 4;

describe('memory', function () {
  this.timeout(300_000);
  let database: TestDatabase;
  let report: Report;
  const task: Omit<Task, 'database'> = { workflows: 100_000, concurrency: 200, calls: 10_000 };

  before(async () => {
    database = await createDatabase();
    const child = await Child.spawn(new URL('../support/children/many-workflows.js', import.meta.url), {
      args: [JSON.stringify({ ...task, database: database.connectionString })],
      execArgv: ['--expose-gc'],
    });
    report = (await child.result) as Report;
    await child.exited;
  });
  after(() => database.drop());

  it('100 000 completed workflows in one process leave the heap where it was', () => {
    const { heap, seconds, left } = report;
    console.log(
      `      heap ${heap.map((mb) => mb.toFixed(1)).join(' -> ')} MB after collection; ${task.workflows} workflows in ${seconds.toFixed(1)} s (${Math.round(task.workflows / seconds)}/s)`,
    );
    expect(left).include({ tickets: 0, running: 0 });
    const [warm = 0, half = 0, end = 0] = heap;
    expect(half - warm, 'growth in the first half').most(allowedMegabytes);
    expect(end - half, 'growth in the second half').most(allowedMegabytes / 2);
  });

  it('10 000 concurrent direct calls finish with a pool of 10', async () => {
    console.log(
      `      ${task.calls} calls in ${report.callSeconds.toFixed(1)} s (${Math.round(task.calls / report.callSeconds)}/s), at most ${report.pool} connections at work`,
    );
    expect([report.count, report.pool]).deep.equal([task.calls, 10]);
    const client = new pg.Client({ connectionString: database.connectionString });
    await client.connect();
    const { rows } = await client.query(`select status, count(*)::int as n from apiary.workflow_status where name = 'Flows.one' group by status`);
    await client.end();
    expect(rows).deep.equal([{ status: 'SUCCESS', n: task.calls }]);
  });
});
