/** Runs the examples of the runners, each in a process of its own. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { testServer } from '@apiary/testing/internal';
import pg from 'pg';

export const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

export interface Ended {
  readonly code: number | string | null;
  readonly output: string;
}

export interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export function node(args: readonly string[], { cwd, env = {} }: Surroundings = {}): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd, env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? null), output: `${stdout}${stderr}` }),
    );
  });
}

/** How many databases the process is left with that made this one. */
export async function leftOf(database: string): Promise<number> {
  const owner = database.split('_').slice(0, 3).join('_');
  const client = new pg.Client({ connectionString: await testServer() });
  await client.connect();
  const { rows } = await client.query('select from pg_database where starts_with(datname, $1)', [owner]);
  await client.end();
  return rows.length;
}

/** The database that an example told of. */
export function toldBy({ output }: Ended): string {
  return /\b(apiary_kit_\w+)/.exec(output)?.[1] ?? '';
}
