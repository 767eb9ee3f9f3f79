/**
 * `npm test`: installs if needed, builds from nothing, runs the tests of all packages and examples, two suites at a time, and ends with the totals.
 * Arguments: names of packages or examples to test (default: all); --no-build uses what is built; --ignore=<pattern> leaves tests out.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
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

/** The suites to run, the longest first: it takes as long as all others together. */
function suites() {
  const longest = 'core';
  return [...workspaces(), root]
    .map(suiteOf)
    .filter(({ name, pattern }) => pattern !== undefined && (names.length === 0 || names.includes(name)))
    .sort((a, b) => Number(b.name === longest) - Number(a.name === longest));
}

/** Without a pattern if there are no tests. */
function suiteOf(workspace) {
  const title = relative(root, workspace) || 'repository';
  const tests = join(workspace, 'test');
  const built = join(tests, 'dist');
  const sources = existsSync(tests) && hasTests(tests) ? join(tests, '**', '*.test.mjs') : undefined;
  return { title, name: basename(title), pattern: existsSync(built) ? join(built, '**', '*.test.js') : sources };
}

/** Shows what suites that run at the same time print as if they ran one after the other: each when those before it have ended. */
class Turns {
  #suites = [];

  /** The next suite: what it prints, and that it has ended. */
  next() {
    const suite = { waiting: [], ended: false };
    this.#suites.push(suite);
    return {
      print: (text) => (suite === this.#suites[0] ? process.stdout.write(text) : suite.waiting.push(text)),
      end: () => {
        suite.ended = true;
        while (this.#suites[0]?.ended) {
          this.#suites.shift();
          for (const text of this.#suites[0]?.waiting.splice(0) ?? []) process.stdout.write(text);
        }
      },
    };
  }
}

/** @returns whether all its tests passed */
function runSuite({ title, pattern }, print) {
  print(`\n── ${title}\n`);
  const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
  const colour = process.stdout.isTTY ? ['--color'] : [];
  const child = spawn(process.execPath, [mocha, '--reporter', join(root, 'scripts', 'reporter.cjs'), ...colour, ...ignored, pattern], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, APIARY_TEST_TOTALS: totals },
    // A suite that does not end has failed: something it left behind keeps the process alive.
    timeout: 25 * 60_000,
    killSignal: 'SIGKILL',
  });
  child.stdout.on('data', print);
  child.stderr.on('data', print);
  return new Promise((resolve) => {
    child.once('error', (error) => {
      print(`${title}: ${error.message}\n`);
      resolve(false);
    });
    child.once('close', (code) => resolve(code === 0));
  });
}

const turns = new Turns();
const left = suites();
let broken = false;
async function runOneByOne() {
  for (let suite = left.shift(); suite !== undefined; suite = left.shift()) {
    const { print, end } = turns.next();
    broken = !(await runSuite(suite, print)) || broken;
    end();
  }
}
// Suites wait more than they compute: for leases, for other processes, for the disk.
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, runOneByOne));
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
