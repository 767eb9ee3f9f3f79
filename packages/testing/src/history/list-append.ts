import type { ClientBase } from 'pg';
import { SeededRandom } from '../faults/random.js';
import type { Element, HistoryTransaction, Operation } from './history.js';

export interface ListAppendOptions {
  /** A connection for each client. */
  readonly clients: readonly ClientBase[];
  readonly isolation: 'read committed' | 'repeatable read' | 'serializable';
  /** Of all clients together. */
  readonly transactions: number;
  readonly seed: number;
  /** Lists. Few make many conflicts. Default 5. */
  readonly keys?: number;
  /** Operations of a transaction at most. Default 4. */
  readonly length?: number;
  /** The table; made anew. Default `list_append`. */
  readonly table?: string;
}
export interface ListAppendRun {
  readonly history: readonly HistoryTransaction[];
  /** The lists in the end. */
  readonly final: ReadonlyMap<Element, readonly Element[]>;
}

/**
 * Runs random transactions that append to and read lists of integers, and writes down what each client saw. The seed fixes what they do, not
 * how they interleave.
 */
export async function runListAppend(options: ListAppendOptions): Promise<ListAppendRun> {
  const { clients, keys = 5, table = 'list_append' } = options;
  const [first] = clients;
  if (first === undefined) throw new RangeError('a history needs at least one client');
  await first.query(`drop table if exists ${table}`);
  await first.query(`create table ${table} (key integer primary key, list integer[] not null default '{}')`);
  await first.query(`insert into ${table} select key from generate_series(1, $1) key`, [keys]);
  // A deadlock costs its time-out, a second by default; only a superuser may shorten it.
  await Promise.all(clients.map((client) => client.query(`set deadlock_timeout = '5ms'`).catch(() => undefined)));
  const plans = plan(options);
  const history: HistoryTransaction[] = [];
  const work = async (client: ClientBase): Promise<void> => {
    for (let next = plans.shift(); next !== undefined; next = plans.shift()) history.push(await runOne(client, next, options.isolation, table));
  };
  await Promise.all(clients.map(work));
  const { rows } = await first.query<{ key: number; list: number[] }>(`select key, list from ${table}`);
  return { history, final: new Map(rows.map((row) => [row.key, row.list])) };
}

interface Plan {
  readonly id: number;
  readonly operations: readonly { readonly key: number; readonly append?: number }[];
}

function plan({ transactions, seed, keys = 5, length = 4 }: ListAppendOptions): Plan[] {
  const random = new SeededRandom(seed);
  let value = 0;
  return Array.from({ length: transactions }, (_, i) => ({
    id: i + 1,
    operations: Array.from({ length: random.int(2, length) }, () => {
      const key = random.int(1, keys);
      return random.chance(0.5) ? { key, append: ++value } : { key };
    }),
  }));
}

async function runOne(client: ClientBase, { id, operations }: Plan, isolation: ListAppendOptions['isolation'], table: string): Promise<HistoryTransaction> {
  const done: Operation[] = [];
  const begin = performance.now();
  let status: HistoryTransaction['status'] = 'fail';
  try {
    await client.query(`begin isolation level ${isolation}`);
    for (const { key, append } of operations) {
      if (append === undefined) {
        const { rows } = await client.query<{ list: number[] }>(`select list from ${table} where key = $1`, [key]);
        done.push({ kind: 'read', key, values: rows[0]?.list ?? [] });
      } else {
        done.push({ kind: 'append', key, value: append });
        await client.query(`update ${table} set list = list || $1::integer where key = $2`, [append, key]);
      }
    }
    // what happened at COMMIT is only known from its answer
    status = 'unknown';
    const { command } = await client.query('commit');
    status = command === 'COMMIT' ? 'ok' : 'fail';
  } catch (error) {
    // An ERROR is the server's answer that it has rolled back. A FATAL one says only that the connection ends.
    if ((error as { severity?: string }).severity === 'ERROR') status = 'fail';
    await client.query('rollback').catch(() => undefined);
  }
  return { id, status, operations: done, begin, end: performance.now() };
}
