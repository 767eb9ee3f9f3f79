import { createHash } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { systemCode } from '../error.js';
import { run } from '../run.js';

/**
 * A name for the server that stands in the command line of the postmaster and of each of its children. Finding processes by it takes no
 * right to look into them, and a process id that was given away again is not taken for ours.
 */
export async function serverName(cluster: string): Promise<string> {
  const { dev, ino } = await stat(cluster, { bigint: true });
  return `apiary-${createHash('sha256').update(`${dev}:${ino}`).digest('hex').slice(0, 12)}`;
}

/** The process ids of the server of that name; a dead process that its parent has not reaped is none. */
export async function serverProcesses(name: string): Promise<number[]> {
  const found = process.platform === 'linux' ? await linuxProcesses() : await otherProcesses();
  return found.filter(({ command }) => command.includes(name) && command.includes('postgres')).map(({ pid }) => pid);
}

/** Whether a process id is one of the server of that name. */
export async function isServerProcess(pid: number, name: string): Promise<boolean> {
  if (process.platform !== 'linux') return (await serverProcesses(name)).includes(pid);
  return (await linuxCommand(String(pid))).includes(name);
}

/** Ends processes of a server that has lost its postmaster, which may hold its shared memory. */
export async function endProcesses(name: string): Promise<void> {
  for (const signal of ['SIGQUIT', 'SIGKILL'] as const) {
    for (let attempt = 0; attempt < 50; attempt++) {
      const pids = await serverProcesses(name);
      if (pids.length === 0) return;
      for (const pid of attempt === 0 ? pids : []) sendSignal(pid, signal);
      await delay(20);
    }
  }
}

/** Sends a signal; false when there is no such process. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

interface Process {
  pid: number;
  command: string;
}

async function linuxProcesses(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return await Promise.all(pids.map(async (pid) => ({ pid: Number(pid), command: await linuxCommand(pid) })));
}

async function linuxCommand(pid: string): Promise<string> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
}

async function otherProcesses(): Promise<Process[]> {
  const { output } = await run('/bin/ps', ['-axo', 'pid=,stat=,command=']);
  return output.split('\n').flatMap((line) => {
    const [, pid, state = '', command = ''] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined || state.startsWith('Z') ? [] : [{ pid: Number(pid), command }];
  });
}
