import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { EmbeddedOptions } from '@apiary/embedded';

export interface Started {
  connectionString: string;
  port: number;
  dataDirectory: string;
}

export interface Failure {
  code: string;
  message: string;
  details: Record<string, unknown>;
}

type Report = { started: Started } | { failed: Failure } | { stopped: true };

const SCRIPT = fileURLToPath(new URL('../children/client.js', import.meta.url));

/** A process of its own that starts the embedded server. */
export class ClientProcess {
  static readonly all = new Set<ClientProcess>();
  readonly child: ChildProcess;
  readonly #reports: Report[] = [];
  #wake: () => void = () => {};

  constructor(options: EmbeddedOptions, { uid, gid, cwd }: { uid?: number; gid?: number; cwd?: string } = {}) {
    const account = uid === undefined ? {} : { uid, gid: gid ?? uid };
    this.child = fork(SCRIPT, [JSON.stringify(options)], { ...account, ...(cwd !== undefined && { cwd }), execArgv: ['--enable-source-maps'] });
    this.child.on('message', (report) => {
      this.#reports.push(report as Report);
      this.#wake();
    });
    this.child.once('exit', () => this.#wake());
    ClientProcess.all.add(this);
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async started(): Promise<Started> {
    const report = await this.#next();
    if (!('started' in report)) throw new Error(`the client did not start: ${JSON.stringify(report)}`);
    return report.started;
  }

  async failed(): Promise<Failure> {
    const report = await this.#next();
    if (!('failed' in report)) throw new Error(`the client did not fail: ${JSON.stringify(report)}`);
    return report.failed;
  }

  /** Calls stop() in the process, and waits until that resolved and the process has ended by itself. */
  async stop(): Promise<void> {
    this.child.send('stop');
    const report = await this.#next();
    if (!('stopped' in report)) throw new Error(`the client did not stop: ${JSON.stringify(report)}`);
    if (!this.ended) await once(this.child, 'exit');
  }

  /** SIGKILL; proves that the process was alive and died of it. */
  async kill(): Promise<void> {
    if (this.ended) throw new Error('the client had ended before it was killed');
    this.child.kill('SIGKILL');
    if (!this.ended) await once(this.child, 'exit');
    if (this.child.signalCode !== 'SIGKILL') throw new Error('the client did not die of SIGKILL');
  }

  async #next(): Promise<Report> {
    while (this.#reports.length === 0) {
      if (this.ended) throw new Error(`the client ended without a report (${this.child.exitCode ?? this.child.signalCode})`);
      await new Promise<void>((settle) => {
        this.#wake = settle;
      });
    }
    return this.#reports.shift() as Report;
  }
}
