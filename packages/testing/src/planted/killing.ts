/** Runs the named test of a mutant in a workspace, with bounds on all of it: a mutant may hang, its run may not. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Workspace } from '../crashes/planted/workspace.js';
import type { Killer, Mutant } from './mutant.js';

/** Of one test, where its suite says nothing else. */
const testTimeoutMs = 40_000;
const processTimeoutMs = 150_000;
/** Of the controls of a file. */
const controlTimeoutMs = 600_000;

/** `assertion`: a test said what is wrong; `time-out`: it waited in vain. */
export type End = 'passed' | 'assertion' | 'time-out' | 'nothing ran';

export interface Attempt {
  readonly end: End;
  /** The first test that failed, and what it said. */
  readonly test: string;
  readonly message: string;
}

interface Failure {
  readonly fullTitle: string;
  readonly err: { readonly message?: string; readonly code?: string; readonly name?: string };
}

interface Results {
  readonly passes: readonly Failure[];
  readonly failures: readonly Failure[];
}

/** @throws Error if a text to replace is not there exactly once, or what comes of it is no JavaScript */
export async function tryMutant(workspace: Workspace, { name, edits, killer }: Mutant): Promise<Attempt> {
  try {
    for (const { file, text, by } of edits) workspace.replace(file, text, by);
    const attempt = await runKiller(workspace, killer);
    if (attempt.message.includes('SyntaxError')) throw new Error(`${name}: ${attempt.message}`);
    return attempt;
  } finally {
    workspace.restore();
  }
}

async function runKiller(workspace: Workspace, { file, test }: Killer): Promise<Attempt> {
  const results = await runTests(workspace, file, test, ['--bail']);
  if (typeof results !== 'string') return judge(results);
  if (results === '') return { end: 'time-out', test: '', message: `no end within ${processTimeoutMs / 1000} s` };
  return { end: 'assertion', test: '', message: `the process ended: ${results.slice(-600)}` };
}

/** The same tests without a mutant, those of one file in one process: what is wrong with each pattern, if anything is. */
export async function runControls(workspace: Workspace, file: string, tests: readonly string[]): Promise<ReadonlyMap<string, string | undefined>> {
  const results = await runTests(workspace, file, tests.map((test) => `(?:${test})`).join('|'), []);
  return new Map(tests.map((test) => [test, typeof results === 'string' ? `no end: ${results.slice(-300)}` : wrongWith(results, new RegExp(test))]));
}

function wrongWith({ passes, failures }: Results, test: RegExp): string | undefined {
  const failed = failures.find(({ fullTitle }) => test.test(fullTitle) || fullTitle.includes('hook'));
  if (failed !== undefined) return `${failed.fullTitle}: ${failed.err.message}`;
  return passes.some(({ fullTitle }) => test.test(fullTitle)) ? undefined : 'no such test';
}

/** What mocha found, or what the process said when it found nothing: nothing at all, if it did not end. */
async function runTests(workspace: Workspace, file: string, pattern: string, more: readonly string[]): Promise<Results | string> {
  const output = join(workspace.folder, 'results.json');
  rmSync(output, { force: true });
  const mocha = join(dirname(createRequire(import.meta.url).resolve('mocha/package.json')), 'bin', 'mocha.js');
  const options = ['--no-config', '--exit', '--timeout', String(testTimeoutMs), '--reporter', 'json', '--reporter-option', `output=${output}`, ...more];
  const said = await run([mocha, ...options, '-g', pattern, workspace.test(file)], workspace.folder, more.length > 0 ? processTimeoutMs : controlTimeoutMs);
  return existsSync(output) ? (JSON.parse(readFileSync(output, 'utf8')) as Results) : said;
}

function judge({ passes, failures }: Results): Attempt {
  const [first] = failures;
  if (first === undefined) return { end: passes.length > 0 ? 'passed' : 'nothing ran', test: '', message: '' };
  const message = (first.err.message ?? '').split('\n').slice(0, 3).join(' ').slice(0, 300);
  const inVain = first.err.code === 'ERR_MOCHA_TIMEOUT' || message.includes('waited in vain');
  return { end: inVain ? 'time-out' : 'assertion', test: first.fullTitle, message };
}

/** Runs node in a group of its own, so that its children end with it. Gives what it said; nothing, if it had to be ended. */
function run(args: readonly string[], cwd: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--unhandled-rejections=strict', ...args], { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const end = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // it has ended
      }
    };
    const onSignal = (): void => {
      end();
      process.exit(1);
    };
    process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
    let ended = false;
    const timer = setTimeout(() => {
      ended = true;
      end();
    }, timeoutMs);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    }
    child.once('error', reject);
    child.once('exit', () => {
      clearTimeout(timer);
      process.removeListener('SIGINT', onSignal).removeListener('SIGTERM', onSignal);
      end();
      resolve(ended ? '' : said || 'nothing');
    });
  });
}
