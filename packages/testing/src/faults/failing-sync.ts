import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Why no system call can be made to fail here; undefined if it can. */
export function straceMissing(): string | undefined {
  const { status, stderr, error } = spawnSync('strace', ['-o', '/dev/null', '-e', 'trace=none', 'true'], { encoding: 'utf8' });
  if (status === 0) return undefined;
  return `strace cannot be used here: ${error?.message ?? stderr.trim().split('\n')[0] ?? ''}`;
}

/**
 * Lets the next `fdatasync` and `fsync` of each process of a PostgreSQL server fail with EIO, as those of a failing disk do, until `over`
 * says that it is enough. The server takes no failed flush for done: it panics, and recovers from its log.
 *
 * @param postmaster pid of the server
 */
export async function failSyncs(postmaster: number, over: () => boolean): Promise<void> {
  const pids = [postmaster, ...childrenOf(postmaster)];
  const inject = ['fsync', 'fdatasync'].flatMap((call) => ['-e', `inject=${call}:error=EIO:when=1`]);
  const tracer = spawn('strace', ['-f', '-q', '-o', '/dev/null', '-e', 'trace=fsync,fdatasync', ...inject, ...pids.flatMap((pid) => ['-p', String(pid)])], {
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => {
    tracer.once('close', () => resolve());
    tracer.once('error', () => resolve());
  });
  try {
    while (!over() && tracer.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 2));
  } finally {
    // It lets go of the processes; those that started meanwhile have no more failures to come.
    tracer.kill('SIGTERM');
    await ended;
  }
}

function childrenOf(parent: number): string[] {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim();
  return children === '' ? [] : children.split(' ');
}
