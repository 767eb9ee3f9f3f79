import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { seatName } from '../control/seat.js';
import { pidFilePath } from './pid-file.js';

/*
 * Ends PostgreSQL when the supervisor was killed and no other one took its place. Living clients start a new supervisor at once, so the
 * guard, a sleeping shell, acts only when all were killed together.
 */
const SCRIPT = `
read -r word && exit 0
ours() { [ ! -e "$3" ] && read -r pid <"$2" && [ "$pid" = "$1" ]; }
sleep 5
ours "$@" || exit 0
kill -INT "$1"
for second in 1 2 3 4 5 6 7 8 9 10; do
  sleep 1
  ours "$@" || exit 0
done
kill -QUIT "$1"
`;

export interface Guard {
  /** The supervisor ends in order: nothing is left to guard. */
  dismiss(): void;
}

/** Starts the guard of a postmaster. */
export function startGuard(pid: number, cluster: string, home: string, seat: number): Guard {
  const args = [String(pid), pidFilePath(cluster), join(home, seatName(seat + 1))];
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'sh', ...args], { cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  shell.on('error', () => {}); // without a shell there is no guard, and the next start takes the server over
  shell.stdin.on('error', () => {});
  shell.unref();
  return { dismiss: () => void shell.stdin.end('done\n') };
}
