import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

const MOST_BYTES = 4 * 1024 * 1024;

export function logPath(home: string): string {
  return join(home, 'server.log');
}

/** Opens the log of server and supervisor for appending; one that has grown too large starts anew. */
export async function openLog(home: string): Promise<FileHandle> {
  // No link is followed: root may write here into a folder of another user.
  const file = await open(logPath(home), constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  if ((await file.stat()).size > MOST_BYTES) await file.truncate(0);
  return file;
}

export async function logSize(home: string): Promise<number> {
  return (await readFile(logPath(home)).catch(() => Buffer.alloc(0))).length;
}

/** What the log holds from an offset on. */
export async function logSince(home: string, offset: number): Promise<string> {
  const content = await readFile(logPath(home)).catch(() => Buffer.alloc(0));
  return content.subarray(offset <= content.length ? offset : 0).toString('utf8').trim(); // prettier-ignore
}

/** The last lines of the log. */
export async function logTail(home: string, offset = 0): Promise<string> {
  const lines = (await logSince(home, offset)).split('\n');
  return lines.slice(-20).join('\n').slice(-4000);
}
