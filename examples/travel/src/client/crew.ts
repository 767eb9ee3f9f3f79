/** The workers' processes: as many as wanted, each replaced when it dies. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FromWorker, History, ToWorker } from '../messages.js';
import type { Client, Line } from './client.js';

export class Worker implements Line {
  readonly process: ChildProcess;
  readonly exited: Promise<unknown>;
  ready = false;
  /** It was killed on purpose. */
  killed = false;

  constructor(env: NodeJS.ProcessEnv) {
    this.process = fork(fileURLToPath(new URL('../worker.js', import.meta.url)), { env });
    this.exited = once(this.process, 'exit');
  }

  /** A message to a worker that is dying is lost; its exit tells. */
  send(message: ToWorker): void {
    this.process.send(message, () => {});
  }
}

export class Crew {
  readonly workers = new Set<Worker>();
  /** Rejects when a worker ended by itself. */
  readonly broken: Promise<never>;
  readonly #env: NodeJS.ProcessEnv;
  #client: Client | undefined;
  #break!: (error: Error) => void;
  #history: ((history: History) => void) | undefined;
  #stopping = false;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = { ...process.env, ...env };
    this.broken = new Promise((_, reject) => (this.#break = reject));
    this.broken.catch(() => {});
  }

  start(count: number, client: Client): void {
    this.#client = client;
    for (let i = 0; i < count; i++) this.#hire();
  }

  #hire(): void {
    const worker = new Worker(this.#env);
    this.workers.add(worker);
    worker.process.on('message', (message: FromWorker) => this.#hear(worker, message));
    worker.process.on('error', () => {});
    worker.process.on('exit', (code, signal) => this.#gone(worker, signal ?? code));
  }

  #hear(worker: Worker, message: FromWorker): void {
    if (message.type === 'ready') {
      worker.ready = true;
      this.#client?.join(worker);
      if (this.#history !== undefined) worker.send({ type: 'history' });
    } else if (message.type === 'history') {
      this.#history?.(message);
    } else {
      this.#client?.hear(worker, message);
    }
  }

  #gone(worker: Worker, how: unknown): void {
    this.workers.delete(worker);
    this.#client?.leave(worker);
    if (this.#stopping) return;
    if (!worker.killed) return this.#break(new Error(`worker ${worker.process.pid ?? ''} ended by itself (${String(how)}); what it wrote above says why`));
    this.#hire();
  }

  /** What Apiary's records say, from a worker that is ready or will be. */
  async history(): Promise<History> {
    const told = new Promise<History>((resolve) => (this.#history = resolve));
    [...this.workers].find(({ ready, killed }) => ready && !killed)?.send({ type: 'history' });
    return Promise.race([told, this.broken]);
  }

  /** In order with `polite`, else at once. */
  async stop(polite: boolean): Promise<void> {
    this.#stopping = true;
    for (const worker of this.workers) {
      if (polite && worker.ready) worker.send({ type: 'stop' });
      else worker.process.kill('SIGKILL');
    }
    await Promise.all([...this.workers].map(({ exited }) => exited));
  }
}
