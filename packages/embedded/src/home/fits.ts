import { chmod, chown, link, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { listenAt } from '../control/seat.js';
import { run } from '../run.js';
import type { Account } from '../run.js';
import type { Identity } from './identity.js';
import { isOurs } from './layout.js';

/**
 * Tries whether PostgreSQL can live in a folder: the account it runs as must reach it, the file system must keep modes, sockets and hard
 * links. Tried out, since modes alone do not tell (access lists, network and container file systems).
 */
export async function fits(folder: string, identity: Identity | undefined): Promise<boolean> {
  let probe: string | undefined;
  try {
    // The accounts pass through our own folder. A folder that holds other things too keeps the mode it has.
    const passing = identity && (!identity.ownsFolder || identity.listed.uid !== identity.uid);
    if (passing && (await readdir(folder)).every(isOurs)) await chmod(folder, (await stat(folder)).mode | 0o011);
    probe = await mkdtemp(join(folder, 'probe-'));
    return await holds(probe, identity);
  } catch {
    return false;
  } finally {
    if (probe) await rm(probe, { recursive: true, force: true }).catch(() => {});
  }
}

async function holds(probe: string, identity: Identity | undefined): Promise<boolean> {
  await chmod(probe, 0o700);
  if (identity) await chown(probe, identity.uid, identity.gid);
  const { mode, uid } = await stat(probe);
  if ((mode & 0o077) !== 0 || uid !== (identity?.uid ?? process.getuid?.())) return false;
  const server = await listenAt(join(probe, 'socket'), (socket) => socket.destroy());
  try {
    await link(join(probe, 'socket'), join(probe, 'link'));
  } finally {
    server.close();
  }
  if (!identity) return true;
  const reaches = async (account: Account): Promise<boolean> => (await run('/bin/sh', ['-c', 'cd -- "$1"', 'sh', probe], account)).code === 0;
  if (!(await reaches(identity))) return false;
  await chown(probe, identity.listed.uid, identity.listed.gid); // initdb runs as that one
  return await reaches(identity.listed);
}
