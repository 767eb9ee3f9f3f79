import { createHash } from 'node:crypto';
import { chmod, cp, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { isPrivate, openBase, outsideBases } from '../home/outside.js';
import type { Base } from '../home/outside.js';
import { run } from '../run.js';
import type { Account } from '../run.js';
import { ensureLinks } from './links.js';
import type { Native } from './native.js';

/**
 * Copies the binaries to where the account can reach them, once a version; projects share the copy.
 * @returns the folder, or undefined when there is no such place
 */
export async function copyOutside(native: Native, account: Account): Promise<string | undefined> {
  for (const base of outsideBases()) {
    try {
      await openBase(base);
      const folder = await copyTo(base, native);
      const reached = await run(join(folder, 'bin', 'postgres'), ['--version'], account);
      if (folder && reached.code === 0) return folder;
    } catch {
      // the next place may do
    }
  }
  return undefined;
}

async function copyTo(base: Base, native: Native): Promise<string> {
  // Of the same version there may be an installation that somebody changed.
  const source = createHash('sha256').update(native.folder).digest('hex').slice(0, 10);
  const folder = join(base.folder, `${base.prefix}postgres-${native.version}-${source}`);
  if (await isPrivate(folder)) return join(folder, 'native');
  const draft = await mkdtemp(join(base.folder, `${base.prefix}draft-`));
  try {
    await cp(native.folder, join(draft, 'native'), { recursive: true, verbatimSymlinks: true, filter: isNeeded });
    await openTree(draft);
    await ensureLinks(join(draft, 'native'), join(draft, 'lib'));
    // In one step: a folder of this name is a complete copy.
    await rename(draft, folder).catch(async (error: unknown) => {
      if (!(await isPrivate(folder))) throw error;
    });
    return join(folder, 'native');
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** What is there for compiling against PostgreSQL stays behind. */
function isNeeded(path: string): boolean {
  return extname(path) !== '.a' && !['pkgconfig', 'pgxs'].includes(basename(path));
}

/** Whatever umask this process has, the account must be able to read. */
async function openTree(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const inner = join(folder, entry.name);
    if (entry.isDirectory()) await openTree(inner);
    else if (entry.isFile()) await chmod(inner, basename(folder) === 'bin' || entry.name.includes('.so') ? 0o755 : 0o644);
  }
}
