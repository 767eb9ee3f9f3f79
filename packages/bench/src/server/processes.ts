import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts CPU time in hundredths of a second. */
const TICK = 10_000;

/**
 * CPU time of a PostgreSQL server on this machine: its postmaster, all that it has started, and, in the postmaster's account of ended children, all that has
 * ended since.
 */
export class ServerProcesses {
  readonly #postmaster: number;

  private constructor(postmaster: number) {
    this.#postmaster = postmaster;
  }

  /** Undefined if the backend with this process id does not run here: another machine, another namespace, or not Linux. */
  static find(backend: number): ServerProcesses | undefined {
    const stat = readStat(backend);
    const postmaster = stat?.name.startsWith('postgres') ? readStat(stat.parent) : undefined;
    return postmaster?.name.startsWith('postgres') ? new ServerProcesses(postmaster.pid) : undefined;
  }

  /** Microseconds of user and system time so far. */
  cpu(): number {
    let ticks = 0;
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      const stat = readStat(Number(entry));
      if (stat?.pid === this.#postmaster) ticks += stat.own + stat.ended;
      else if (stat?.parent === this.#postmaster) ticks += stat.own;
    }
    return ticks * TICK;
  }
}

interface Stat {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  readonly own: number;
  readonly ended: number;
}

function readStat(pid: number): Stat | undefined {
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined; // it has ended
  }
  // The name stands in parentheses and may hold spaces; the fields after it are numbered from the state (3) on.
  const close = line.lastIndexOf(')');
  const name = line.slice(line.indexOf('(') + 1, close);
  const field = line.slice(close + 2).split(' ');
  const ticks = (number: number): number => Number(field[number - 3]);
  return { pid, name, parent: ticks(4), own: ticks(14) + ticks(15), ended: ticks(16) + ticks(17) };
}
