import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { withContenders } from '#bench/coordinator/bench.js';
import { countedRun } from '#bench/coordinator/cell.js';
import { ServerMeter } from '#bench/server/meter.js';
import { type BenchServer, openServer } from '#bench/server/server.js';
import { createTables } from '#bench/server/tables.js';
import { workload } from '#bench/workloads/workload.js';

const idler = fileURLToPath(new URL('../fixtures/idler.mjs', import.meta.url));

describe('a counted run', () => {
  let server: BenchServer;
  let meter: ServerMeter;
  before(async () => {
    server = await openServer();
    await createTables(server.client, []);
    meter = await ServerMeter.create(server.client);
  });
  after(() => server?.close());

  it('counts statements, round trips, commits and log exactly for hand-written code', async () => {
    await withContenders(server.url, ['raw'], 4, async ([raw]) => {
      if (!raw) throw new Error('no engine');
      const tx1 = await countedRun(raw, meter, { workload: workload('tx1'), clients: 1 });
      expect(tx1).to.include({ roundTrips: 5, statements: 5 });
      expect(tx1.serverStatements ?? 5).to.equal(5);
      expect(tx1.commits ?? 1).to.be.closeTo(1, 0.02);
      expect(tx1.wal).to.be.within(300, 2000);
      const steps10 = await countedRun(raw, meter, { workload: workload('steps10'), clients: 8 });
      expect(steps10).to.include({ roundTrips: 10, statements: 10 });
    });
  });

  it('finds out an engine that leaves out the work', async () => {
    const outcome = await withContenders(server.url, [idler], 4, async ([engine]) => {
      if (!engine) throw new Error('no engine');
      return countedRun(engine, meter, { workload: workload('tx1'), clients: 1 }).then(
        () => 'accepted',
        (error: Error) => error.message,
      );
    });
    expect(outcome).to.match(/wrote 0 ledger rows in 200 operations of tx1, not 200/);
  });

  it('measures the CPU time of a server on this machine', async () => {
    const before = meter.cpu();
    if (before === undefined) return;
    await server.client.query('select count(*) from generate_series(1, 2000000)');
    expect(meter.cpu()).to.be.greaterThan(before);
  });
});
