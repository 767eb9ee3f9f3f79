/** What the root scripts share. Node's own modules only: nothing may be installed yet. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs a command in the root; ends this process with its exit code if it fails. */
export function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32', ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? (signal ? 1 : 0));
}

/** Installs what the lock file names, unless that is there already. */
export function install() {
  const marker = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs - 1) return;
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
}

/** Folders of packages and examples. */
export function workspaces() {
  return ['packages', 'examples'].flatMap((group) => {
    const folder = join(root, group);
    return existsSync(folder) ? readdirSync(folder).filter((name) => existsSync(join(folder, name, 'package.json'))).map((name) => join(folder, name)) : [];
  });
}

/** `tsc -b` leaves the outputs of deleted sources: a test that is gone would go on passing. */
export function clean() {
  for (const folder of workspaces()) for (const output of ['dist', 'test/dist', 'model/dist']) rmSync(join(folder, output), { recursive: true, force: true });
}

export function build() {
  run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b']);
}
