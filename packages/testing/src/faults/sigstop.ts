import { readdirSync, readFileSync } from 'node:fs';
import { until } from './until.js';

/** A process that is stopped, with proof. */
export interface StoppedProcess {
  readonly pid: number;
  /** State of each of its threads, read from /proc when all had stopped: all `T`. */
  readonly states: readonly string[];
  /** Lets it go on (SIGCONT), and resolves when it does. */
  continue(): Promise<void>;
}

/**
 * Stops a process as a suspended VM would be (SIGSTOP), and resolves when the kernel says that every thread of it stands still.
 *
 * @throws Error if there is no such process
 */
export async function stopProcess(pid: number): Promise<StoppedProcess> {
  process.kill(pid, 'SIGSTOP');
  return stoppedProcess(pid);
}

/** The same for a process that stops itself: resolves when it stands still. */
export async function stoppedProcess(pid: number): Promise<StoppedProcess> {
  const states = await until(`process ${pid} has stopped`, () => {
    const found = threadStates(pid);
    return found.length > 0 && found.every((state) => state === 'T') && found;
  });
  return {
    pid,
    states,
    async continue() {
      process.kill(pid, 'SIGCONT');
      await until(`process ${pid} goes on`, () => !threadStates(pid).includes('T'));
    },
  };
}

/** Kernel state of each thread (`R` runs, `S` sleeps, `T` stopped, `Z` dead and not reaped); none if the process is gone. Linux only. */
export function threadStates(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => stateIn(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')));
  } catch (error) {
    // a thread may end between the two reads
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** True while the process exists and is not merely waiting to be reaped. */
export function processAlive(pid: number): boolean {
  return threadStates(pid).some((state) => state !== 'Z' && state !== 'X');
}

/** The command's name stands in brackets and may hold anything, brackets too. */
function stateIn(stat: string): string {
  return stat.charAt(stat.lastIndexOf(')') + 2);
}
