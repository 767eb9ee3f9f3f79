import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Ours are copied, so that the copy of one finds the copies of the others. */
const ours = ['core', 'decorators', 'embedded', 'testing'];

/** A copy of the built packages, in which a bug may be planted and nobody else meets it. */
export class Workspace {
  readonly folder: string;
  /** What stood in the files that were changed. */
  readonly #unchanged = new Map<string, string>();

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @param tests packages whose built tests are copied too; they then find the copies */
  static create(tests: readonly string[] = []): Workspace {
    const folder = mkdtempSync(join(tmpdir(), 'apiary-planted-'));
    const modules = join(folder, 'node_modules');
    mkdirSync(join(modules, '@apiary'), { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module", "name": "planted" }\n');
    const installed = dirname(packageFolder('pg'));
    for (const name of readdirSync(installed)) if (name !== '@apiary' && !name.startsWith('.')) symlinkSync(join(installed, name), join(modules, name));
    for (const name of ours) {
      const from = packageFolder(`@apiary/${name}`);
      for (const part of ['package.json', 'dist', ...(tests.includes(name) ? ['test/dist'] : [])])
        cpSync(join(from, part), join(modules, '@apiary', name, part), { recursive: true });
    }
    return new Workspace(folder);
  }

  /** The built file of one of our packages, `core/executor/commit.js`. */
  path(file: string): string {
    const [name = '', ...rest] = file.split('/');
    return join(this.folder, 'node_modules', '@apiary', name, 'dist', ...rest);
  }

  /**
   * However the lines are broken.
   * @throws Error if the text is not there exactly once: the source has changed, and the bug with it
   */
  replace(file: string, text: string, by: string): void {
    const path = this.path(file);
    const source = readFileSync(path, 'utf8');
    const wanted = text.replaceAll(/\s+/g, '');
    const places = [...source.matchAll(/\S/g)].map(({ index }) => index);
    const dense = places.map((place) => source[place]).join('');
    const at = dense.indexOf(wanted);
    if (at < 0 || dense.includes(wanted, at + 1)) throw new Error(`${file} has ${at < 0 ? 'not' : 'more than once'}: ${text}`);
    if (!this.#unchanged.has(path)) this.#unchanged.set(path, source);
    writeFileSync(path, source.slice(0, places[at]) + by + source.slice((places[at + wanted.length - 1] ?? 0) + 1));
  }

  /** The files as they were before anything was replaced. */
  restore(): void {
    for (const [path, source] of this.#unchanged) writeFileSync(path, source);
    this.#unchanged.clear();
  }

  /** A built test of one of our packages, `core/laws/L7-liveness`. */
  test(file: string): string {
    const [name = '', ...rest] = file.split('/');
    return `${join(this.folder, 'node_modules', '@apiary', name, 'test', 'dist', ...rest)}.test.js`;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function packageFolder(name: string): string {
  const entry = fileURLToPath(import.meta.resolve(name));
  return entry.slice(0, entry.lastIndexOf(`/${name}/`) < 0 ? entry.lastIndexOf('/dist/') : entry.lastIndexOf(`/${name}/`) + name.length + 1);
}
