import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const isRoot = process.getuid?.() === 0;

export interface Account {
  uid: number;
  gid: number;
}

/** An ordinary account for a child process; undefined when this process is no root, and so is one already. */
export const ordinary: Account | undefined = isRoot ? { uid: 65534, gid: 65534 } : undefined;

/** Skips when this repository lies where an ordinary account cannot read the scripts. */
export function needsReadableRepository(context: Mocha.Context): void {
  if (!ordinary) return;
  const { status } = spawnSync(process.execPath, ['--check', fileURLToPath(new URL('../children/client.js', import.meta.url))], { ...ordinary, cwd: '/' });
  if (status !== 0) context.skip();
}
