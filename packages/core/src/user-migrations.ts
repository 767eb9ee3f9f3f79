import type { Config } from './config.js';
import type { Names } from './store/schema/names.js';
import type { Store } from './store/store.js';

/**
 * The user's tables: made in each launch under a lock of the schema, before any workflow runs, and outside any transaction of ours. The
 * lock is a session lock on a connection of its own; a process that dies lets it go.
 */
export async function migrateUser(store: Store, names: Names, migrations: Config['migrations']): Promise<void> {
  if (migrations === undefined) return;
  const { connections } = store;
  const lock = await connections.dedicated('system');
  try {
    // Held by a transaction, so that it is held behind a pooler too.
    await lock.fly([{ text: 'begin isolation level read committed' }]);
    await lock.fly([{ text: `select pg_advisory_xact_lock(hashtextextended($1, 7))`, values: [`apiary migrations ${names.schema}`] }]);
    if (typeof migrations === 'function') await migrations(connections.knex);
    else await connections.knex.migrate.latest(migrations);
    await lock.fly([{ text: 'commit' }]);
  } finally {
    lock.destroy();
  }
}
