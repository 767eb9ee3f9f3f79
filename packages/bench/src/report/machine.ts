import { cpus, release, totalmem, type } from 'node:os';
import type pg from 'pg';
import { nodeOptions } from '../coordinator/engine-process.js';

const SETTINGS = ['fsync', 'synchronous_commit', 'wal_sync_method', 'shared_buffers', 'max_wal_size', 'wal_compression'];

/** What a reader must know to judge the numbers. */
export async function describeMachine(client: pg.ClientBase, pool: number): Promise<(readonly [string, string])[]> {
  const { rows } = await client.query<{ version: string }>("select current_setting('server_version') as version");
  const settings: string[] = [];
  for (const name of SETTINGS) {
    const { rows: found } = await client.query<{ value: string }>('select current_setting($1) as value', [name]);
    settings.push(`${name} = ${found[0]?.value}`);
  }
  return [
    ['processor', `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores, shared by the engines, the coordinator and the server`],
    ['memory', `${(totalmem() / 2 ** 30).toFixed(0)} GiB`],
    ['system', `${type()} ${release()}`],
    ['Node.js', `${process.version}, each engine with NODE_ENV=production ${nodeOptions.join(' ')}`],
    ['PostgreSQL', rows[0]?.version ?? 'unknown'],
    ['settings', settings.join(', ')],
    ['connection', `TCP loopback, a pool of ${pool} for user code in each engine`],
  ];
}
