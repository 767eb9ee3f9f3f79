import { randomBytes } from 'node:crypto';
import { chmod, lchown, lstat, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Account } from '../run.js';
import type { Identity } from './identity.js';

export async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

/** Makes a file theirs, when the folder belongs to the account that PostgreSQL runs as. */
export async function handOver(path: string, identity: Identity | undefined): Promise<void> {
  if (identity?.ownsFolder) await lchown(path, identity.uid, identity.gid);
}

/** Writes a private file in one step: it has the old content or the new one, also after a crash. */
export async function writePrivate(path: string, content: string, identity: Identity | undefined): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.draft`;
  try {
    await writeFile(draft, content, { flag: 'wx', mode: 0o600, flush: true });
    await handOver(draft, identity);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Makes a folder and those above it; what root makes inside a user's folder becomes the user's. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o755 });
  if (first === undefined) return;
  await chmod(path, 0o700);
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(dirname(first));
  if (uid === 0) return;
  for (let folder = path; ; folder = dirname(folder)) {
    await lchown(folder, uid, gid);
    if (folder === first) return;
  }
}

/** Gives a folder and all that is in it to an account. */
export async function giveTree(path: string, { uid, gid }: Account): Promise<void> {
  await lchown(path, uid, gid);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) await giveTree(inner, { uid, gid });
    else await lchown(inner, uid, gid);
  }
}
