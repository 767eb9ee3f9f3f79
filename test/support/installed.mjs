/** The published packages as a user gets them: packed, and installed in an empty folder beside the compilers. Made once a process, removed with it. */
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../scripts/tools.mjs';

const run = promisify(execFile);
export const published = ['decorators', 'core', 'embedded', 'testing'];
/** What a user of TypeScript has beside them, and an older compiler. */
const beside = ['typescript', '@types/node', 'chai', '@types/chai', '@types/mocha'];
export const older = 'typescript-5';

let made;
/** @returns {Promise<{ folder: string, files: Record<string, string[]>, hasOlder: boolean }>} `files`: what the tarball of each package holds */
export function installed() {
  return (made ??= make());
}

async function make() {
  const folder = temporaryFolder();
  const packs = join(folder, 'packs');
  mkdirSync(packs);
  const flags = published.flatMap((name) => ['--workspace', `@apiary/${name}`]);
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', packs, ...flags], { cwd: root, maxBuffer: 2 ** 26 });
  const packed = Object.values(JSON.parse(stdout));
  const files = Object.fromEntries(packed.map((pack) => [pack.name.replace('@apiary/', ''), pack.files.map((file) => file.path)]));
  const tarballs = readdirSync(packs).map((name) => join(packs, name));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  const wanted = beside.map((name) => `${name}@${versionOf(name)}`);
  if (!(await install(folder, [...tarballs, ...wanted]))) {
    console.log('    (npm could not install: other packages than ours are those of the repository)');
    link(folder, tarballs);
    return { folder, files, hasOlder: false };
  }
  return { folder, files, hasOlder: await install(folder, [`${older}@npm:typescript@~5.9.0`]) };
}

/** Below a folder that other accounts can enter, so that a database can live there. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'apiary-user-'));
  chmodSync(folder, 0o755);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

function versionOf(name) {
  return JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
}

async function install(folder, what) {
  try {
    await run('npm', ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries', '1', ...what], {
      cwd: folder,
      timeout: 240_000,
    });
    return true;
  } catch {
    return false;
  }
}

/** The same without a registry. */
function link(folder, tarballs) {
  const modules = join(folder, 'node_modules');
  rmSync(modules, { recursive: true, force: true });
  mkdirSync(join(modules, '@apiary'), { recursive: true });
  for (const tarball of tarballs) {
    if (spawnSync('tar', ['xzf', tarball, '-C', folder]).status !== 0) throw new Error(`${tarball} could not be unpacked`);
    const { name } = JSON.parse(readFileSync(join(folder, 'package', 'package.json'), 'utf8'));
    cpSync(join(folder, 'package'), join(modules, name), { recursive: true });
    rmSync(join(folder, 'package'), { recursive: true });
  }
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.') && name !== '@apiary' && !existsSync(join(modules, name))) symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
}

/** Without a database of the developer's. */
export function bareEnvironment() {
  const { DATABASE_URL: _, ...rest } = process.env;
  return rest;
}

/** Runs a program of the folder; gives its exit code and what it wrote. */
export function node(folder, args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: bareEnvironment() });
  return { status, stdout, stderr };
}

/** @param compiler name of its package */
export function tsc(folder, args, compiler = 'typescript') {
  return node(folder, [join(folder, 'node_modules', compiler, 'bin', 'tsc'), '--pretty', 'false', ...args]);
}
