import type { ClientBase } from 'pg';
import { violated, type Violation } from '../faults/ledger/violation.js';

export interface Amcheck {
  /** Relations that were looked at. */
  readonly checked: number;
  readonly violations: readonly Violation[];
}

/**
 * I17: what `pg_amcheck` looks at, on this database: every B-tree against its table, every table page by page. After crashes of the server.
 * Needs an account that may create the extension.
 */
export async function checkIndexes(client: ClientBase): Promise<Amcheck> {
  await client.query('create extension if not exists amcheck');
  const damaged: object[] = [];
  const ask = async (relation: string, query: string): Promise<void> => {
    try {
      const { rows } = await client.query(query, [relation]);
      for (const row of rows) if ((row as { msg?: unknown }).msg !== undefined) damaged.push({ relation, ...(row as object) });
    } catch (error) {
      damaged.push({ relation, error: String(error) });
    }
  };
  const [indexes, tables] = [await relations(client, 'i'), await relations(client, 'r')];
  for (const index of indexes) await ask(index, 'select bt_index_check($1::regclass, true)');
  for (const table of tables) await ask(table, 'select blkno, offnum, msg from verify_heapam($1::regclass)');
  return { checked: indexes.length + tables.length, violations: violated('I17', 'amcheck found damage after crashes of the server', damaged) };
}

/** All, the catalogue's too. */
async function relations(client: ClientBase, kind: 'i' | 'r'): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c left join pg_index i on i.indexrelid = c.oid left join pg_am a on a.oid = c.relam
      where c.relkind = $1 and c.relpersistence <> 't' and (c.relkind = 'r' or (a.amname = 'btree' and i.indisready and i.indisvalid)) order by 1`,
    [kind],
  );
  return rows.map(({ name }) => name);
}
