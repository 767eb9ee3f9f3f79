import type pg from 'pg';
import { HOTEL_TABLES } from '../services/hotel/tables.js';
import { RETWIS_TABLES } from '../services/retwis/tables.js';
import { SHOP_TABLES } from '../services/shop/tables.js';
import { BANK_TABLES } from '../workloads/bank.js';

/** Makes the tables of the workloads, which all engines share. The database is the benchmark's own, so nothing needs to be dropped first. */
export async function createTables(client: pg.ClientBase, workloads: readonly { readonly tables: keyof typeof TABLES }[]): Promise<void> {
  for (const tables of new Set(['bank' as const, ...workloads.map((one) => one.tables)])) await client.query(TABLES[tables]);
  await client.query('vacuum analyze');
}

const TABLES = { bank: BANK_TABLES, shop: SHOP_TABLES, hotel: HOTEL_TABLES, retwis: RETWIS_TABLES } as const;
