import type pg from 'pg';
import { contendersFor, withContenders } from '../coordinator/bench.js';
import { measureCell } from '../coordinator/cell.js';
import { workload } from '../workloads/workload.js';
import { copyRows } from './copies.js';
import type { Study } from './study.js';

/** Rows of one statement, so that none holds a long transaction. */
const BATCH = 100_000;

/** The same load on a database with more and more finished workflows. All contenders have as many old rows. */
export const growth: Study = async ({ server, meter, pool, engines, sizes }) => {
  const tx1 = workload('tx1');
  await withContenders(server.url, engines, pool, async (all) => {
    const contenders = await contendersFor(all, tx1);
    for (const { process, variant } of contenders) await process.run('tx1', variant, { clients: 1, operations: 1, seed: 0 }, false);
    let rows = 0;
    for (const size of sizes) {
      await fill(server.client, rows, size);
      rows = size;
      for (const one of await measureCell(contenders, meter, { workload: tx1, clients: 16, slices: 8, seconds: 1 })) {
        console.log(`${size.toExponential(0).padEnd(8)} ${one.engine.padEnd(18)} ${one.throughput.toFixed(0).padStart(8)} op/s  p99 ${one.p99.toFixed(1)} ms`);
      }
    }
  });
};

/** Table, and where its rows are copied from: the record of a small workflow stands in its own row, and grows a table of its own here all the same. */
const TABLES: readonly (readonly [schema: string, table: string, source: string])[] = [
  ['public', 'raw_step', 'raw_step'],
  ['apiary', 'workflow_status', 'workflow_status'],
  ['apiary', 'function_record', 'function_status'],
];

async function fill(client: pg.ClientBase, from: number, to: number): Promise<void> {
  for (const [schema, table, source] of TABLES) {
    const { rows: exists } = await client.query<{ found: boolean }>('select to_regclass($1) is not null as found', [`${schema}.${table}`]);
    if (!exists[0]?.found) continue;
    const { rows } = await client.query<{ id: string }>(`select workflow_id as id from "${schema}"."${source}" where workflow_id not like 'old-%' limit 1`);
    const id = rows[0]?.id;
    if (id === undefined) throw new Error(`no row in ${schema}.${source} to copy`);
    for (let first = from + 1; first <= to; first += BATCH) {
      await copyRows(client, [schema, table], id, [first, Math.min(to, first + BATCH - 1)], { workflow_id: "'old-' || i" }, source);
    }
  }
  await client.query('vacuum analyze');
}
