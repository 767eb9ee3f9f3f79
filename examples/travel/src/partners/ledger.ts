/** An append-only file: a line is on the disk before its writer goes on. Lines that come while the disk is busy share its next write. */
import { open, type FileHandle } from 'node:fs/promises';

export type Entry =
  | { readonly kind: 'charge'; readonly key: string; readonly booking: string; readonly cents: number; readonly charge: string }
  /** A request whose key was charged before: it got the first answer. */
  | { readonly kind: 'repeat'; readonly key: string; readonly booking: string }
  | { readonly kind: 'mail'; readonly key: string; readonly booking: string };

export class Ledger {
  readonly #file: FileHandle;
  #waiting: { line: string; written: () => void; failed: (error: unknown) => void }[] = [];
  #busy = false;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(path: string): Promise<Ledger> {
    return new Ledger(await open(path, 'a'));
  }

  append(entry: Entry): Promise<void> {
    return new Promise((written, failed) => {
      this.#waiting.push({ line: `${JSON.stringify(entry)}\n`, written, failed });
      if (!this.#busy) void this.#write();
    });
  }

  async #write(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#file.appendFile(batch.map(({ line }) => line).join(''));
        await this.#file.datasync();
        for (const { written } of batch) written();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.#busy = false;
  }
}
