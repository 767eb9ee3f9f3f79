import { setTimeout as delay } from 'node:timers/promises';
import type { ServerAddress } from '../control/wire.js';
import { EmbeddedError, systemCode } from '../error.js';
import type { Project } from './project.js';

const STARTING_UP = '57P03';
const NO_DATABASE = '3D000';
const EXISTS = new Set(['42P04', '23505']);

/**
 * Connects once, which proves that clients can, and makes the database when it is not there yet.
 * @throws EmbeddedError EMBEDDED_START
 */
export async function openDatabase(project: Project, address: ServerAddress, isNew: boolean): Promise<void> {
  let missing = isNew;
  for (let attempt = 0; ; attempt++) {
    try {
      if (missing) await visit({ ...address, database: 'postgres' }, `create database ${address.database}`).catch(unlessExists);
      // The account has the name of the engine's schema: without this, "$user" in the search path would put the user's tables there.
      if (missing) await visit(address, `alter role ${address.user} set search_path = public`);
      missing = false;
      return await visit(address);
    } catch (error) {
      const code = systemCode(error);
      if (code === STARTING_UP && attempt < 1200) await delay(50);
      else if (code === NO_DATABASE && attempt < 10)
        missing = true; // a supervisor was killed between initdb and this
      else throw refused(project, error);
    }
  }
}

async function visit(address: ServerAddress, statement?: string): Promise<void> {
  const { default: pg } = await import('pg'); // loads while initdb runs
  const client = new pg.Client({ ...address, ssl: false, connectionTimeoutMillis: 10_000 });
  client.on('error', () => {}); // the server may be killed while we look at it
  try {
    await client.connect();
    if (statement !== undefined) await client.query(statement);
  } finally {
    await client.end().catch(() => {});
  }
}

function unlessExists(error: unknown): void {
  if (!EXISTS.has(systemCode(error) ?? '')) throw error;
}

function refused({ dataDirectory }: Project, cause: unknown): EmbeddedError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const remedy = systemCode(cause) === '28P01' ? `its password was changed: put it back, or remove ${dataDirectory}, with all data` : 'try again';
  return new EmbeddedError('EMBEDDED_START', `the embedded PostgreSQL started, and refuses a connection (${reason}): ${remedy}`, { dataDirectory }, { cause });
}
