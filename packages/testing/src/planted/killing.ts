/** Runs the named test of a mutant in a workspace, with bounds on all of it: a mutant may hang, its run may not. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Workspace } from '../crashes/planted/workspace.js';
import type { Killer, Mutant } from './mutant.js';

/** Of one test, where its suite says nothing else. */
const testTimeoutMs = 40_000;
const processTimeoutMs = 150_000;

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
  readonly stats: { readonly passes: number; readonly failures: number };
  readonly failures: readonly Failure[];
}

/** @throws Error if a text to replace is not there exactly once, or what comes of it is no JavaScript */
export async function tryMutant(workspace: Workspace, { name, edits, killer }: Mutant): Promise<Attempt> {
  try {
    for (const { file, text, by } of edits) workspace.replace(file, text, by);
    for (const { file } of edits) {
      const { status, stderr } = spawnSync(process.execPath, ['--check', workspace.path(file)], { encoding: 'utf8' });
      if (status !== 0) throw new Error(`${name}: ${stderr}`);
    }
    return await runKiller(workspace, killer);
  } finally {
    workspace.restore();
  }
}

export async function runKiller(workspace: Workspace, { file, test }: Killer): Promise<Attempt> {
  const output = join(workspace.folder, 'results.json');
  rmSync(output, { force: true });
  const mocha = join(dirname(createRequire(import.meta.url).resolve('mocha/package.json')), 'bin', 'mocha.js');
  const options = ['--no-config', '--exit', '--bail', '--timeout', String(testTimeoutMs), '--reporter', 'json', '--reporter-option', `output=${output}`];
  const ended = await run([mocha, ...options, '-g', test, workspace.test(file)], workspace.folder);
  if (!existsSync(output)) {
    if (ended === 'time-out') return { end: 'time-out', test: '', message: `no end within ${processTimeoutMs / 1000} s` };
    return { end: 'assertion', test: '', message: `the process ended: ${ended.slice(-600)}` };
  }
  return judge(JSON.parse(readFileSync(output, 'utf8')) as Results);
}

function judge({ stats, failures }: Results): Attempt {
  const [first] = failures;
  if (first === undefined) return { end: stats.passes > 0 ? 'passed' : 'nothing ran', test: '', message: '' };
  const message = (first.err.message ?? '').split('\n').slice(0, 3).join(' ').slice(0, 300);
  const inVain = first.err.code === 'ERR_MOCHA_TIMEOUT' || message.includes('waited in vain');
  return { end: inVain ? 'time-out' : 'assertion', test: first.fullTitle, message };
}

/** Runs node in a group of its own, so that its children end with it. Gives what it said, or that it did not end. */
function run(args: readonly string[], cwd: string): Promise<string> {
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
    const timer = setTimeout(() => {
      said = 'time-out';
      end();
    }, processTimeoutMs);
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
      resolve(said.startsWith('time-out') ? 'time-out' : said);
    });
  });
}
