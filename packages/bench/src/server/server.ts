import { fileURLToPath } from 'node:url';
import pg from 'pg';

/** A database made for one run of the benchmark, on the server of DATABASE_URL or on the embedded one. */
export interface BenchServer {
  readonly url: string;
  readonly client: pg.Client;
  /** Drops the database. */
  close(): Promise<void>;
}

const SETTINGS = { max_connections: '300', shared_preload_libraries: 'pg_stat_statements', max_wal_size: '4GB' };

/** @throws Error if the server does not keep what it has committed: numbers of such a server mean nothing. */
export async function openServer(settings: Readonly<Record<string, string>> = {}): Promise<BenchServer> {
  const given = process.env['DATABASE_URL'];
  const embedded = given ? undefined : await startServer(settings);
  const base = given ?? embedded?.connectionString ?? '';
  const name = `apiary_bench_${process.pid}`;
  await withClient(base, async (client) => {
    if (embedded) await dropForgotten(client);
    await client.query(`create database ${name}`);
  });
  const url = new URL(base);
  url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  const close = async (): Promise<void> => {
    await client.end();
    await withClient(base, (admin) => admin.query(`drop database ${name} with (force)`));
    await embedded?.stop();
  };
  try {
    for (const name of ['fsync', 'synchronous_commit']) {
      const { rows } = await client.query<{ value: string }>('select current_setting($1) as value', [name]);
      if (rows[0]?.value !== 'on') throw new Error(`${name} is ${rows[0]?.value}: a benchmark without durability measures nothing`);
    }
    return { url: url.href, client, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startServer(settings: Readonly<Record<string, string>>): Promise<{ readonly connectionString: string; stop(): Promise<void> }> {
  const { startEmbedded } = await import('@apiary/embedded'); // not loaded where a server is given
  return startEmbedded({ dataDirectory: fileURLToPath(new URL('../../.apiary', import.meta.url)), settings: { ...SETTINGS, ...settings } });
}

/** Databases of runs that were killed: the process id in the name is nobody's any more. */
async function dropForgotten(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>("select datname as name from pg_database where datname ~ '^apiary_bench_[0-9]+$'");
  for (const { name } of rows) if (!isAlive(Number(name.split('_').at(-1)))) await client.query(`drop database if exists ${name} with (force)`);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function withClient(url: string, body: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await body(client);
  } finally {
    await client.end();
  }
}
