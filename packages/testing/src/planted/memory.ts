import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildOf } from '../crashes/memory.js';
import { JsonLines } from '../json-lines.js';
import type { Workspace } from '../crashes/planted/workspace.js';
import type { Attempt } from './killing.js';
import type { Killer, Mutant } from './mutant.js';

interface Line {
  readonly key: string;
  readonly attempt: Attempt;
}

/** What was tried before, in a file: where the files that are changed and the test are the same, it is not tried again. `--fresh` forgets it. */
export class AttemptMemory {
  readonly #file: JsonLines<Line>;
  readonly #known = new Map<string, Attempt>();
  readonly #workspace: Workspace;
  readonly #build = buildOf(['@apiary/core', '@apiary/decorators', '@apiary/testing/internal']);
  /** What the tests of core share. */
  readonly #support: string;

  constructor(file: string, workspace: Workspace) {
    this.#file = new JsonLines(file);
    this.#workspace = workspace;
    const folder = join(dirname(workspace.test('core/any')), 'support');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
    this.#support = files
      .sort()
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('');
    for (const { key, attempt } of this.#file.earlier) this.#known.set(key, attempt);
  }

  /** Whether the test has passed without a mutant, with this very build. */
  hasPassed(killer: Killer): boolean {
    return this.#known.get(this.#controlKey(killer))?.end === 'passed';
  }

  passed(killer: Killer): void {
    this.#write(this.#controlKey(killer), { end: 'passed', test: '', message: '' });
  }

  known(mutant: Mutant): Attempt | undefined {
    return this.#known.get(this.#key(mutant));
  }

  add(mutant: Mutant, attempt: Attempt): void {
    this.#write(this.#key(mutant), attempt);
  }

  #write(key: string, attempt: Attempt): void {
    this.#known.set(key, attempt);
    this.#file.add({ key, attempt });
  }

  #key({ edits, killer }: Mutant): string {
    const files = [this.#workspace.test(killer.file), ...edits.map(({ file }) => this.#workspace.path(file))];
    return hashOf([edits, killer, files.map(textOf), this.#support]);
  }

  #controlKey(killer: Killer): string {
    return hashOf([this.#build, killer, textOf(this.#workspace.test(killer.file)), this.#support]);
  }
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function hashOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24);
}
