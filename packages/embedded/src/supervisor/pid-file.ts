import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** The postmaster's own pid file. */
export interface PidFile {
  pid: number;
  port: number | undefined;
  ready: boolean;
}

export function pidFilePath(cluster: string): string {
  return join(cluster, 'postmaster.pid');
}

export async function readPidFile(cluster: string): Promise<PidFile | undefined> {
  const text = await readFile(pidFilePath(cluster), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // Lines: pid, data folder, start time, port, socket folder, address, shared memory, state.
  const lines = text.split('\n').map((line) => line.trim());
  return { pid: Number(lines[0]), port: Number(lines[3]) || undefined, ready: lines[7] === 'ready' };
}

export async function removePidFile(cluster: string): Promise<void> {
  await rm(pidFilePath(cluster), { force: true });
}
