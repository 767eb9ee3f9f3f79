/** A database of the run's own, on the server of DATABASE_URL or on the embedded one. */
import { startEmbedded } from '@apiary/embedded';
import pg from 'pg';

export interface Database {
  readonly name: string;
  readonly url: string;
  /** Closes what is open here; the database stays for a look. */
  leave(): Promise<void>;
  drop(): Promise<void>;
}

/** Always begins anew. Two runs on one server would drop each other's database, so the second is refused. */
export async function openDatabase(name: string): Promise<Database> {
  const given = process.env['DATABASE_URL'];
  const embedded = given === undefined || given === '' ? await startEmbedded() : undefined;
  const base = embedded?.connectionString ?? given ?? '';
  const admin = new pg.Client({ connectionString: base });
  admin.on('error', () => {}); // the next query tells
  const leave = async (): Promise<void> => {
    await admin.end().catch(() => {});
    await embedded?.stop();
  };
  try {
    await admin.connect();
    const { rows } = await admin.query<{ mine: boolean }>('select pg_try_advisory_lock(hashtext($1)) as mine', [name]);
    if (rows[0]?.mine !== true) throw new Error(`another run is using the database ${name} on this server`);
    const drop = (): Promise<unknown> => admin.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
    await drop();
    await admin.query(`create database ${pg.escapeIdentifier(name)}`);
    const url = base.replace(/^(postgres(?:ql)?:\/\/[^/?]*)(\/[^?]*)?/, `$1/${encodeURIComponent(name)}`); // no URL: it does not know Unix sockets
    return { name, url, leave, drop: () => drop().then(leave) };
  } catch (error) {
    await leave();
    throw error;
  }
}
