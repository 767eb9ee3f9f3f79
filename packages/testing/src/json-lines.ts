import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';

/** A file of values, one a line, that grows: what is kept of a work of hours, so that it can be stopped at any moment and goes on. */
export class JsonLines<L> {
  readonly #file: string;
  /** Those of earlier processes. */
  readonly earlier: readonly L[];

  /** @param fresh forgets what the file holds */
  constructor(file: string, { fresh = false }: { readonly fresh?: boolean } = {}) {
    this.#file = file;
    mkdirSync(dirname(file), { recursive: true });
    if (fresh) rmSync(file, { force: true });
    // The last line may have been cut.
    const texts = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
    this.earlier = texts.filter((text) => text !== '').map((text) => JSON.parse(text) as L);
  }

  add(line: L): void {
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}
