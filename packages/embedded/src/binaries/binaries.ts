import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedError } from '../error.js';
import { librariesPath } from '../home/layout.js';
import { run } from '../run.js';
import type { Account } from '../run.js';
import { copyOutside } from './copy.js';
import { ensureLinks } from './links.js';
import { locateNative } from './native.js';
import type { Native } from './native.js';

export interface Binaries {
  postgres: string;
  initdb: string;
  /** Major version, '18'. */
  major: string;
  /** The environment for them: nothing of the user's PG* variables. */
  env: NodeJS.ProcessEnv;
}

/**
 * Finds binaries that run as the given account: those of the npm package, or a copy of them where the account can reach it.
 * @throws EmbeddedError EMBEDDED_START when there are none
 */
export async function findBinaries(home: string, account: Account | undefined, native: Native = locateNative()): Promise<Binaries> {
  const inPlace = await tryBinaries(native.folder, home, account);
  if ('major' in inPlace) return inPlace;
  const copy = account && (await copyOutside(native, account));
  const copied = copy !== undefined ? await tryBinaries(copy, home, account) : inPlace;
  if ('major' in copied) return copied;
  const problem = `the PostgreSQL binaries in ${native.folder} do not run here (${copied.problem})`;
  const remedy = 'they need glibc (not Alpine) and a file system that allows to execute; or use a server of your own with DATABASE_URL';
  throw new EmbeddedError('EMBEDDED_START', `${problem}: ${remedy}`);
}

async function tryBinaries(native: string, home: string, account: Account | undefined): Promise<Binaries | { problem: string }> {
  const libraries = await ensureLinks(native, librariesPath(home));
  const env = { ...cleanEnvironment(), ...(libraries !== undefined && { LD_LIBRARY_PATH: libraries, DYLD_LIBRARY_PATH: libraries }) };
  const [postgres, initdb] = [join(native, 'bin', 'postgres'), join(native, 'bin', 'initdb')];
  await Promise.all([postgres, initdb].map(makeExecutable));
  const [server, init] = await Promise.all([run(postgres, ['--version'], account, env), run(initdb, ['--version'], account, env)]);
  const major = /\(PostgreSQL\) (\d+)/.exec(server.output)?.[1];
  if (server.code !== 0 || init.code !== 0 || major === undefined) return { problem: server.code === 0 ? init.output : server.output };
  return { postgres, initdb, major, env };
}

/** Some installers and archives drop the mode. */
async function makeExecutable(file: string): Promise<void> {
  const { mode } = await stat(file);
  if ((mode & 0o111) === 0) await chmod(file, mode | 0o755).catch(() => {});
}

/** Messages in English, times in UTC, and nothing that changes how PostgreSQL starts. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const { PATH } = process.env;
  return { PATH: PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}
