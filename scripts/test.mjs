/**
 * `npm test`: installs if needed, builds from nothing, runs the tests of all packages and examples, and ends with the totals.
 * Arguments: names of packages or examples to test (default: all); --no-build uses what is built; --ignore=<pattern> leaves tests out.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { build, clean, install, root, workspaces } from './tools.mjs';

const hasTests = (folder) =>
  readdirSync(folder, { recursive: true }).some((name) => String(name).endsWith('.test.mjs') && !String(name).includes('node_modules'));
const flags = process.argv.slice(2).filter((a) => a.startsWith('--'));
const ignored = flags.filter((a) => a.startsWith('--ignore=')).map((a) => `--ignore=${join(root, a.slice('--ignore='.length))}`);
const names = process.argv.slice(2).filter((a) => !a.startsWith('--'));
if (!flags.includes('--no-build')) {
  install();
  clean();
  build();
}
const folder = mkdtempSync(join(tmpdir(), 'apiary-test-'));
const totals = join(folder, 'totals');
let broken = false;
for (const workspace of [...workspaces(), root]) {
  const name = workspace === root ? 'repository' : basename(workspace);
  const tests = join(workspace, 'test', 'dist');
  const pattern = existsSync(tests) ? join(tests, '**', '*.test.js') : join(workspace, 'test', '**', '*.test.mjs');
  if ((names.length > 0 && !names.includes(name)) || !existsSync(join(workspace, 'test'))) continue;
  if (!existsSync(tests) && !hasTests(join(workspace, 'test'))) continue;
  console.log(`\n── ${relative(root, workspace) || 'repository'}`);
  const { status, error } = spawnSync(
    process.execPath,
    [join(root, 'node_modules', 'mocha', 'bin', 'mocha.js'), '--reporter', join(root, 'scripts', 'reporter.cjs'), ...ignored, pattern],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, APIARY_TEST_TOTALS: totals },
      // A suite that does not end has failed: something it left behind keeps the process alive.
      timeout: 25 * 60_000,
      killSignal: 'SIGKILL',
    },
  );
  if (error !== undefined) console.error(`${name}: ${error.message}`);
  broken ||= status !== 0;
}
const lines = existsSync(totals)
  ? readFileSync(totals, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  : [];
rmSync(folder, { recursive: true, force: true });
// Once more at the end, where it is found: what failed may be thousands of lines above.
for (const failed of lines.flatMap((line) => line.failed)) console.log(`\nfailed: ${failed}`);
const sum = (key) => lines.reduce((n, line) => n + line[key], 0);
console.log(
  `\n${sum('passes')} passed, ${sum('failures') + (broken && sum('failures') === 0 ? 1 : 0)} failed${sum('pending') > 0 ? `, ${sum('pending')} skipped` : ''}`,
);
process.exit(broken ? 1 : 0);
