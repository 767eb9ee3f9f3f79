import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { systemCode } from '../error.js';

interface Link {
  /** The library. */
  source: string;
  /** The name that programs load it by. */
  target: string;
}

/**
 * Makes the links among the libraries that a registry package cannot hold and an install script makes, where it has not run.
 * Any number of processes may do this at once.
 * @param native folder of the binaries
 * @param spare folder to make the links in when that one cannot be written
 * @returns the library path that programs then need, or undefined
 */
export async function ensureLinks(native: string, spare: string): Promise<string | undefined> {
  const links = await listed(native);
  try {
    for (const { source, target } of links) await ensureLink(relative(dirname(target), source), target);
    return undefined;
  } catch {
    // read-only, another user's, or without links: the folder cannot take them
  }
  await mkdir(spare, { recursive: true, mode: 0o755 });
  await chmod(spare, 0o755);
  for (const { source, target } of links) await ensureLink(source, join(spare, basename(target)));
  return `${spare}:${join(native, 'lib')}`; // libraries find their neighbours from where they were found
}

async function listed(native: string): Promise<Link[]> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '[]';
    throw error;
  });
  const inPackage = (path: string): string => join(native, '..', path);
  return (JSON.parse(text) as Link[]).map(({ source, target }) => ({ source: inPackage(source), target: inPackage(target) }));
}

async function ensureLink(source: string, target: string): Promise<void> {
  if (await works(source, target)) return;
  try {
    await symlink(source, target);
    return;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    if (await works(source, target)) return; // another process made it
  }
  const draft = `${target}.${randomBytes(6).toString('hex')}`;
  await symlink(source, draft);
  await rename(draft, target).catch(async (error: unknown) => {
    await rm(draft, { force: true });
    throw error;
  });
}

/** Whether the name already leads to a library: the right link, or a copy that somebody's tool made of it. */
async function works(source: string, target: string): Promise<boolean> {
  const there = await lstat(target).catch(() => undefined);
  if (!there) return false;
  if (!there.isSymbolicLink()) return there.isFile();
  const [led, meant] = await Promise.all([stat(target), stat(resolve(dirname(target), source))]).catch(() => []);
  return led !== undefined && meant !== undefined && led.ino === meant.ino && led.dev === meant.dev;
}
