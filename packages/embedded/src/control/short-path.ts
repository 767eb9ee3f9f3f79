import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

const LONGEST = 100; // sockaddr_un holds 108 bytes on Linux, 104 on macOS

/** Calls `use` with a path to the same file that is short enough for the address of a socket. */
export async function withShortPath<T>(path: string, use: (short: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= LONGEST) return await use(path);
  const alias = await mkdtemp(join(tmpdir(), 'apiary-'));
  try {
    await symlink(dirname(path), join(alias, 'd'));
    return await use(join(alias, 'd', basename(path)));
  } finally {
    await rm(alias, { recursive: true, force: true });
  }
}
