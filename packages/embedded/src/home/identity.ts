import { readFile, stat } from 'node:fs/promises';
import type { Account } from '../run.js';
import { clusterPath } from './layout.js';

/** Who PostgreSQL runs as when this process is root, which PostgreSQL refuses. */
export interface Identity extends Account {
  /** The account owns the folder too (a project of a user, started by root): then all files in it are made theirs. */
  ownsFolder: boolean;
  /** An account that /etc/passwd names: initdb looks its own name up. */
  listed: Account;
}

interface User extends Account {
  name: string;
}

/** The account for the server of this folder, or undefined when it is the one of this process. */
export async function identityFor(home: string): Promise<Identity | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const users = await knownUsers();
  const system = users.find(({ name }) => name === 'postgres') ?? users.find(({ name }) => name === 'nobody') ?? users[0] ?? { uid: 65534, gid: 65534 };
  const folder = await stat(home);
  const cluster = await stat(clusterPath(home)).catch(() => undefined);
  const owner = cluster && cluster.uid !== 0 ? cluster : folder.uid !== 0 ? folder : system;
  const listed = users.find(({ uid }) => uid === owner.uid) ?? system;
  return { uid: owner.uid, gid: owner.gid, ownsFolder: folder.uid === owner.uid, listed: { uid: listed.uid, gid: listed.gid } };
}

async function knownUsers(): Promise<User[]> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n');
  const users = lines.map((line) => line.split(':')).map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
  return users.filter(({ name, uid, gid }) => name !== '' && uid > 0 && gid > 0);
}
