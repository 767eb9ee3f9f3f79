import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromChild, ToChild } from './child-side.js';

export interface ChildOptions {
  readonly args?: readonly string[];
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly execArgv?: readonly string[];
  readonly cwd?: string;
  /** Run as another user; needs root. */
  readonly uid?: number;
  readonly gid?: number;
}
/** A point that the child has reached and at which it waits. */
export interface ReachedPoint {
  readonly name: string;
  readonly detail: unknown;
  /** Lets the child go on. */
  continue(): void;
}
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/**
 * A node process that runs a module and tells where it is: the module uses `child-side`. It never outlives its parent: it is killed at the
 * parent's end, and ends by itself when the parent was killed.
 */
export class Child {
  readonly pid: number;
  /** Rejects if the child ends before. */
  readonly ready: Promise<unknown>;
  /** Rejects if the child ends before. */
  readonly result: Promise<unknown>;
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #reached: ReachedPoint[] = [];
  readonly #wanted: { name: string | undefined; found: (point: ReachedPoint) => void; failed: (error: Error) => void }[] = [];
  #stderr = '';
  #stdout = '';
  #ended: Error | undefined;

  private constructor(process: ChildProcess) {
    this.#process = process;
    this.pid = process.pid ?? -1;
    living.add(process);
    process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    process.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.exited = new Promise((resolve) => {
      // 'close' comes after the last output, 'exit' may come before it
      process.once('close', (code, signal) => {
        living.delete(process);
        resolve({ code, signal });
      });
    });
    const ended = this.exited.then((exit) => this.#end(exit));
    this.ready = this.#once('ready', ended);
    this.result = this.#once('result', ended);
    process.on('message', (message: FromChild) => {
      if (message.type === 'point') this.#arrived(message);
    });
  }

  /**
   * @param module the file that the child runs
   * @throws Error if no process could be made
   */
  static async spawn(module: URL, options: ChildOptions = {}): Promise<Child> {
    const process_ = fork(fileURLToPath(module), options.args ?? [], {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
      ...(options.execArgv === undefined ? {} : { execArgv: [...options.execArgv] }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    });
    const child = new Child(process_);
    await new Promise<void>((resolve, reject) => process_.once('spawn', resolve).once('error', reject));
    return child;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** The next point of this name (of any name, without one) that the child reaches, or already waits at. */
  point(name?: string): Promise<ReachedPoint> {
    const at = this.#reached.findIndex((point) => name === undefined || point.name === name);
    const [point] = at < 0 ? [] : this.#reached.splice(at, 1);
    if (point !== undefined) return Promise.resolve(point);
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((found, failed) => this.#wanted.push({ name, found, failed }));
  }

  /** A message for the child's `onMessage`. */
  send(message: unknown): void {
    this.#tell({ type: 'message', message });
  }

  /** Kills it (default SIGKILL), and resolves when it is reaped. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    this.#process.kill(signal);
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #tell(message: ToChild): void {
    // a child that is gone or going cannot be told anything, and its end tells itself
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }

  #arrived(message: FromChild & { type: 'point' }): void {
    const point: ReachedPoint = { name: message.name, detail: message.detail, continue: () => this.#tell({ type: 'continue', id: message.id }) };
    const at = this.#wanted.findIndex((wanted) => wanted.name === undefined || wanted.name === point.name);
    if (at < 0) this.#reached.push(point);
    else this.#wanted.splice(at, 1)[0]?.found(point);
  }

  #end(exit: Exit): Error {
    const error = new Error(`the child ended first: ${exit.signal ?? `exit code ${exit.code}`}\n${this.#stderr.slice(-4000)}`);
    this.#ended = error;
    for (const wanted of this.#wanted.splice(0)) wanted.failed(error);
    return error;
  }

  #once(type: 'ready' | 'result', ended: Promise<Error>): Promise<unknown> {
    const promise = new Promise<unknown>((resolve, reject) => {
      this.#process.on('message', (message: FromChild) => {
        if (message.type === type) resolve(message.value);
      });
      void ended.then(reject);
    });
    // not every test asks for it
    promise.catch(() => undefined);
    return promise;
  }
}
