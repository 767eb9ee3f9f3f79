import { readFileSync, readdirSync } from 'node:fs';
import { until } from './until.js';

/** Command lines by process id; a zombie has none. */
function commands(): [number, string][] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return [Number(pid), readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        return [Number(pid), ''];
      }
    });
}

/** The processes whose command line contains a text. */
export function processesWith(text: string): number[] {
  return commands().flatMap(([pid, command]) => (pid !== process.pid && command.includes(text) ? [pid] : []));
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}

export function postmasterOf(home: string): number {
  const all = processesWith(`-D ${home}/postgres `);
  // One that it has just forked has its command line until it gives itself a name.
  const [pid, ...others] = all.filter((found) => !all.includes(parentOf(found)));
  if (pid === undefined || others.length > 0) throw new Error(`${others.length + Number(pid !== undefined)} postmasters run in ${home}`);
  return pid;
}

export function supervisorOf(home: string): number {
  const [pid, ...others] = processesWith(`supervisor/main.js ${home} `);
  if (pid === undefined || others.length > 0) throw new Error(`${others.length + Number(pid !== undefined)} supervisors run in ${home}`);
  return pid;
}

export function guardOf(home: string): number {
  const [pid] = processesWith(`sh ${postmasterOf(home)} ${home}/postgres/postmaster.pid`);
  if (pid === undefined) throw new Error(`no guard watches ${home}`);
  return pid;
}

/** The name that all processes of a running server carry. */
export function serverNameIn(home: string): string {
  const command = readFileSync(`/proc/${postmasterOf(home)}/cmdline`, 'utf8');
  return /cluster_name=(\S+?)\0/.exec(command)?.[1] ?? '';
}

/** Kills one process and waits until it is gone. */
export async function kill(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  await untilGone(pid);
}

export async function untilGone(pid: number): Promise<void> {
  await until(`process ${pid} is gone`, () => !commands().some(([other, command]) => other === pid && command !== ''));
}

/** Waits until nothing runs that has the text in its command line. */
export async function untilNone(text: string): Promise<void> {
  await until(`no process with ${text}`, () => processesWith(text).length === 0);
}
