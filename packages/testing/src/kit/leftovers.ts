import { createHash } from 'node:crypto';
import type pg from 'pg';

export const prefix = 'apiary_kit_';

/** Number of the advisory lock that the owner of databases holds while it lives. */
export function lockOf(owner: string): string {
  return createHash('sha256').update(`apiary kit ${owner}`).digest().readBigInt64BE(0).toString();
}

export async function dropAll(admin: pg.Client, owner: string): Promise<void> {
  const { rows } = await admin.query<{ name: string }>('select datname as name from pg_database where starts_with(datname, $1)', [`${prefix}${owner}_`]);
  for (const { name } of rows) await admin.query(`drop database if exists ${name} with (force)`);
}

/** Drops what processes left that are gone. */
export async function sweep(admin: pg.Client): Promise<void> {
  const { rows } = await admin.query<{ name: string }>('select datname as name from pg_database where starts_with(datname, $1)', [prefix]);
  const owners = new Set(rows.map(({ name }) => name.slice(prefix.length).split('_')[0] ?? ''));
  for (const owner of owners) {
    const {
      rows: [lock],
    } = await admin.query<{ free: boolean }>(`select pg_try_advisory_lock(${lockOf(owner)}) as free`);
    if (lock?.free !== true) continue;
    await dropAll(admin, owner).catch(() => {});
    await admin.query(`select pg_advisory_unlock(${lockOf(owner)})`);
  }
}
