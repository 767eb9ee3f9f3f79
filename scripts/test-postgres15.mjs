/**
 * The suite on PostgreSQL 15 (Debian's package) through DATABASE_URL, as an ordinary user. Builds nothing: run after `npm test`. Says so
 * where there is no such server.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './tools.mjs';

const { Postgres15, postgres15Missing } = await import('../packages/testing/dist/internal.js');
const missing = postgres15Missing();
if (missing !== undefined) {
  console.log(`PostgreSQL 15: not tested: ${missing}`);
  process.exit(0);
}

/** The tests that use a database of their own choice; not those that try their own tools, nor what takes minutes and has run on the other server. */
const suites = [
  ...['core', 'testing', 'travel'],
  '--ignore=packages/core/test/dist/{crashes,memory,model}/**',
  '--ignore=packages/testing/test/dist/{crashes,faults,history,planted,reliability,runners,scenario}/**',
];
const ordinary = 'nobody';
const isRoot = process.getuid?.() === 0;
const home = mkdtempSync(join(tmpdir(), 'apiary-15-'));
let folder = root;
if (isRoot) {
  spawnSync('chown', [ordinary, home]);
  const reads = spawnSync('runuser', ['-u', ordinary, '--', 'test', '-r', join(root, 'package.json')]).status === 0;
  if (!reads) {
    folder = join(home, 'checkout');
    cpSync(root, folder, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('/.git') && !path.endsWith('/.apiary') });
    spawnSync('chown', ['-R', ordinary, folder]); // the copy is as closed as the checkout
  }
}
const server = await Postgres15.create({ settings: { max_connections: 300, fsync: 'off' } });
await server.start();
console.log(`== PostgreSQL 15, as ${isRoot ? ordinary : 'this user'}`);
const command = [process.execPath, join(folder, 'scripts', 'test.mjs'), '--no-build', ...suites];
const env = { ...process.env, DATABASE_URL: server.connectionString('postgres'), HOME: home, TMPDIR: home };
const [program, ...args] = isRoot ? ['runuser', '-u', ordinary, '--', ...command] : command;
const { status } = spawnSync(program, args, { cwd: folder, stdio: 'inherit', env });
await server.stop();
await server.remove();
rmSync(home, { recursive: true, force: true });
process.exit(status ?? 1);
