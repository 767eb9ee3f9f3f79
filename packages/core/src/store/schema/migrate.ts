import { raise } from '@apiary/decorators/internal';
import { classify } from '../connection/classify.js';
import type { Connection } from '../connection/connection.js';
import { latestVersion, migrations } from './migrations.js';
import { quoteLiteral, type Names } from './names.js';

/** Arbitrary, but the same in all releases: the advisory lock of the first start. */
const migrationLock = '4919482237562390';

/**
 * Brings the engine's schema up to date, or only verifies it. First start is a race of n processes: the advisory lock is the first
 * statement of the transaction, at READ COMMITTED, so that everything after it sees what the winner made (DESIGN L12).
 * @throws DATABASE_VERSION if the schema is newer than this release, or (verify) absent or older
 */
export async function migrate(connection: Connection, names: Names, mode: 'apply' | 'verify'): Promise<void> {
  if ((await storedVersion(connection, names)) === latestVersion) return;
  if (mode === 'verify') {
    const found = await storedVersion(connection, names);
    raise(
      'DATABASE_VERSION',
      { found: found === 0 ? 'no tables of Apiary' : `schema version ${found}`, needed: `schema version ${latestVersion}` },
      {
        message: `schema ${names.schema} is at version ${found}, this release needs ${latestVersion}: launch once with schemaMigration: 'apply'`,
      },
    );
  }
  await connection.fly([{ text: 'begin isolation level read committed' }]);
  try {
    await connection.fly([{ text: `select pg_advisory_xact_lock(${migrationLock})` }]);
    const from = await storedVersion(connection, names);
    if (from < latestVersion) await apply(connection, names, from);
    await connection.fly([{ text: 'commit' }]);
  } catch (error) {
    if (classify(error) !== 'connection') await connection.fly([{ text: 'rollback' }]);
    throw error;
  }
}

async function apply(connection: Connection, names: Names, from: number): Promise<void> {
  await connection.fly([
    { text: `create schema if not exists ${names.schema}` },
    { text: `create table if not exists ${names.version} (version integer primary key, applied_at timestamptz not null default clock_timestamp())` },
  ]);
  for (const migration of migrations) {
    if (migration.version <= from) continue;
    for (const text of migration.statements(names)) await connection.fly([{ text }]);
    await connection.fly([{ text: `insert into ${names.version} (version) values ($1)`, values: [migration.version] }]);
  }
}

/** 0 where nothing of ours exists. A query of the catalogue: to_regclass answers from a cache that a wait for the advisory lock does not refresh. */
async function storedVersion(connection: Connection, names: Names): Promise<number> {
  const [found] = await connection.fly([
    {
      text: `select exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where '"' || replace(n.nspname, '"', '""') || '"' = ${quoteLiteral(names.schema)} and c.relname = 'schema_version') as present`,
    },
  ]);
  if (found?.rows[0]?.['present'] !== true) return 0;
  const [result] = await connection.fly([{ text: `select coalesce(max(version), 0)::int as version from ${names.version}` }]);
  const version = Number(result?.rows[0]?.['version'] ?? 0);
  if (version > latestVersion) {
    raise(
      'DATABASE_VERSION',
      { found: `schema version ${version}`, needed: `schema version ${latestVersion} or older` },
      {
        message: `schema ${names.schema} is at version ${version}, newer than this release knows (${latestVersion}): update @apiary/core`,
      },
    );
  }
  return version;
}
