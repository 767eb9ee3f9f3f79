import { resolveConfig, type Config } from './config.js';
import { Connections, type Database } from './store/connection/connections.js';
import { migrate } from './store/schema/migrate.js';
import { namesOf } from './store/schema/names.js';
import { Store } from './store/store.js';
import { migrateUser } from './user-migrations.js';

/**
 * Makes the tables of Apiary and those of the user, and nothing else: for a database that others are copied from.
 * @throws DATABASE_UNREACHABLE, CONFIG, or what `migrations` throws
 */
export async function prepareDatabase(database: Database, config: Config): Promise<void> {
  const { schema, migrations } = resolveConfig(config);
  const names = namesOf(schema);
  const connections = await Connections.open({ database, poolSize: 2, systemSize: 1, applicationName: 'apiary template' });
  try {
    await connections.whileLaunching(async () => {
      await connections.system((connection) => migrate(connection, names, 'apply'));
      await migrateUser(new Store(connections, names), names, migrations);
    });
  } finally {
    await connections.close();
  }
}
