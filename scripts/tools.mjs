/** What the root scripts share. Node's own modules only: nothing may be installed yet. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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
  if (isInstalled()) return;
  console.log('Installing what the lock file names ...');
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
}

/** npm writes down what it installed. Times say nothing: a checkout makes every file new. */
function isInstalled() {
  const found = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(found)) return false;
  const packages = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;
  const there = packages(found);
  return Object.entries(packages(join(root, 'package-lock.json')))
    .filter(([path, { optional }]) => path.includes('node_modules/') && optional !== true)
    .every(([path, { version }]) => there[path] !== undefined && there[path].version === version && existsSync(join(root, path)));
}

/** Folders of packages and examples. */
export function workspaces() {
  return ['packages', 'examples'].flatMap((group) => {
    const folder = join(root, group);
    return existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => existsSync(join(folder, name, 'package.json')))
          .map((name) => join(folder, name))
      : [];
  });
}

/** `tsc -b` leaves the outputs of deleted sources: a test that is gone would go on passing. */
export function clean() {
  for (const folder of workspaces()) for (const output of ['dist', 'test/dist', 'model/dist']) rmSync(join(folder, output), { recursive: true, force: true });
}

export function build() {
  console.log('Building ...');
  run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b']);
}
