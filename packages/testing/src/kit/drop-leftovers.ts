/** A process of its own: drops the databases of a test process that ended. */
import pg from 'pg';
import { dropAll } from './leftovers.js';

const connectionString = process.env['APIARY_KIT_SERVER'];
const owner = process.argv[2];
if (connectionString !== undefined && owner !== undefined) {
  const admin = new pg.Client({ connectionString });
  admin.on('error', () => {});
  await admin.connect();
  await dropAll(admin, owner);
  await admin.end();
}
