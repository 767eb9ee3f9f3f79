import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { dial } from '../control/seat.js';
import { EmbeddedError, systemCode } from '../error.js';
import { exists } from './files.js';
import { fits } from './fits.js';
import { identityFor } from './identity.js';
import { keptPath, originPath } from './layout.js';

/** A place for data and binaries that cannot stay in the project. */
export interface Base {
  folder: string;
  /** Before the names of our folders in it, when others use it too. */
  prefix: string;
}

/** Places outside the project, the lasting ones first. */
export function outsideBases(): Base[] {
  const root = process.getuid?.() === 0;
  const lasting = root ? '/var/lib/apiary' : join(process.env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share'), 'apiary'); // prettier-ignore
  const temporary = root ? ['/var/tmp', tmpdir()] : [tmpdir()];
  return [{ folder: lasting, prefix: '' }, ...temporary.map((folder) => ({ folder, prefix: 'apiary-' }))];
}

/** Makes the folder of a base, where it is ours alone. */
export async function openBase({ folder, prefix }: Base): Promise<void> {
  if (prefix !== '') return;
  await mkdir(folder, { recursive: true, mode: 0o755 });
  await chmod(folder, 0o711);
}

/** A private folder of this process's user, writable by no one else. */
export async function isPrivate(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => undefined);
  return found !== undefined && found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}

/** Makes a home outside the project for a data folder in which PostgreSQL cannot live. */
export async function makeOutside(dataDirectory: string): Promise<string> {
  const name = `${createHash('sha256').update(dataDirectory).digest('hex').slice(0, 10)}-`;
  for (const base of outsideBases()) {
    let home: string | undefined;
    try {
      await openBase(base);
      await sweep(base);
      home = await mkdtemp(join(base.folder, `${base.prefix}${name}`));
      if (process.getuid?.() === 0) await chmod(home, 0o711);
      if (await fits(home, await identityFor(home))) {
        await writeFile(originPath(home), `${dataDirectory}\n`);
        return home;
      }
    } catch {
      // the next place may do
    }
    if (home) await rm(home, { recursive: true, force: true });
  }
  const tried = outsideBases().map(({ folder }) => folder);
  const problem = `PostgreSQL cannot keep data in ${dataDirectory}, nor in ${tried.join(', ')}`;
  throw new EmbeddedError('EMBEDDED_START', `${problem}: set \`dataDirectory\` to a folder on a local disk, or DATABASE_URL`, { dataDirectory });
}

/** Makes a home again whose place was cleared away (a temporary folder, at a restart of the machine). */
export async function remakeOutside(home: string, dataDirectory: string): Promise<void> {
  try {
    await mkdir(dirname(home), { recursive: true, mode: 0o711 });
    await mkdir(home, { mode: 0o700 });
    if (process.getuid?.() === 0) await chmod(home, 0o711);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  if (!(await isPrivate(home))) {
    throw new EmbeddedError('EMBEDDED_START', `${home}, where the data of ${dataDirectory} are, belongs to another user: remove ${dataDirectory}`, {
      dataDirectory,
    });
  }
  await writeFile(originPath(home), `${dataDirectory}\n`);
}

/** Removes what tests left: homes without durable data, whose data folder is gone and which no server uses. */
async function sweep({ folder, prefix }: Base): Promise<void> {
  for (const name of await readdir(folder)) {
    const home = join(folder, name);
    if (!name.startsWith(prefix) || !/^[0-9a-f]{10}-.{6}$/.test(name.slice(prefix.length)) || !(await isPrivate(home))) continue;
    const origin = (await readFile(originPath(home), 'utf8').catch(() => '')).trim();
    if (origin === '' || (await exists(keptPath(home))) || (await exists(origin))) continue;
    const supervisor = await dial(home).catch(() => undefined);
    if (supervisor) supervisor.destroy();
    else await rm(home, { recursive: true, force: true }).catch(() => {});
  }
}
