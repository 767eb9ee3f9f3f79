import { constants } from 'node:fs';
import { access, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedError, systemCode } from '../error.js';
import { exists, handOver, makeFolder } from './files.js';
import { fits } from './fits.js';
import { identityFor } from './identity.js';
import { clusterPath, isOurs, locationPath } from './layout.js';
import { makeOutside, remakeOutside } from './outside.js';

/**
 * Finds or makes the folder in which server and control files live: the data folder, or, where PostgreSQL cannot live in it, a folder
 * outside the project that the file `location` in the data folder names.
 * @throws EmbeddedError EMBEDDED_START when there is no such place
 */
export async function openHome(dataDirectory: string): Promise<string> {
  try {
    await makeFolder(dataDirectory);
    const location = await readLocation(dataDirectory);
    if (location !== undefined) {
      await remakeOutside(location, dataDirectory);
      return location;
    }
    await access(dataDirectory, constants.R_OK | constants.W_OK | constants.X_OK);
    await ignoreInGit(dataDirectory);
    if (await exists(clusterPath(dataDirectory))) return dataDirectory;
    if (await fits(dataDirectory, await identityFor(dataDirectory))) return dataDirectory;
    return await placeOutside(dataDirectory);
  } catch (error) {
    throw error instanceof EmbeddedError ? error : cannotUse(dataDirectory, error);
  }
}

async function readLocation(dataDirectory: string): Promise<string | undefined> {
  const text = await readFile(locationPath(dataDirectory), 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  return text?.trim() || undefined;
}

/** Several processes may come here at once: the one that writes the location file decides. */
async function placeOutside(dataDirectory: string): Promise<string> {
  const home = await makeOutside(dataDirectory);
  try {
    await writeFile(locationPath(dataDirectory), `${home}\n`, { flag: 'wx', mode: 0o644 });
    await handOver(locationPath(dataDirectory), await identityFor(dataDirectory));
    return home;
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    if (systemCode(error) !== 'EEXIST') throw error;
    // The other process may be between creating its file and writing it.
    for (let attempt = 0; attempt < 200; attempt++) {
      const location = await readLocation(dataDirectory);
      if (location !== undefined) return location;
      await new Promise((settle) => setTimeout(settle, 5));
    }
    throw new EmbeddedError('EMBEDDED_START', `${locationPath(dataDirectory)} is empty: remove ${dataDirectory}`, { dataDirectory });
  }
}

/** The data are not for version control. */
async function ignoreInGit(dataDirectory: string): Promise<void> {
  const path = join(dataDirectory, '.gitignore');
  if ((await exists(path)) || !(await readdir(dataDirectory)).every(isOurs)) return;
  await writeFile(path, '*\n', { flag: 'wx' }).catch(() => {});
  await handOver(path, await identityFor(dataDirectory)).catch(() => {});
}

function cannotUse(dataDirectory: string, cause: unknown): EmbeddedError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const problem = `the data folder ${dataDirectory} of the embedded PostgreSQL cannot be used (${reason})`;
  const remedy = 'make it writable for this user, set `dataDirectory` to another folder, or use a server of your own with DATABASE_URL';
  return new EmbeddedError('EMBEDDED_START', `${problem}: ${remedy}`, { dataDirectory }, { cause });
}
