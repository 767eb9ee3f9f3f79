import { closeSync, fdatasync, openSync, readFileSync, write } from 'node:fs';
import { promisify } from 'node:util';

const writeAsync = promisify(write);
const syncAsync = promisify(fdatasync);

/**
 * An append-only file of JSON lines, each on disk before `append` resolves. What it holds is the oracle of a crash test, so it must not lose
 * a line that somebody relied on. Lines that wait share one sync.
 */
export class AppendLog {
  readonly file: string;
  readonly #descriptor: number;
  #waiting: { line: string; done: () => void; failed: (error: unknown) => void }[] = [];
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(file: string) {
    this.file = file;
    this.#descriptor = openSync(file, 'a');
  }

  append(entry: object): Promise<void> {
    if (this.#closed) return Promise.reject(new Error(`${this.file} is closed`));
    const written = new Promise<void>((done, failed) => this.#waiting.push({ line: `${JSON.stringify(entry)}\n`, done, failed }));
    this.#writing ??= this.#drain();
    return written;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing;
    closeSync(this.#descriptor);
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(Buffer.from(batch.map((entry) => entry.line).join('')));
        await syncAsync(this.#descriptor);
        for (const entry of batch) entry.done();
      } catch (error) {
        for (const entry of batch) entry.failed(error);
      }
    }
    this.#writing = undefined;
  }

  async #write(bytes: Buffer): Promise<void> {
    let offset = 0;
    while (offset < bytes.length) offset += (await writeAsync(this.#descriptor, bytes, offset)).bytesWritten;
  }
}

/** Reads such a file. A last line without its end was cut by a crash and was promised to nobody: it is left out. */
export function readAppendLog<T>(file: string): T[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  lines.pop();
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T);
}
