import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { buildOf } from '../crashes/memory.js';
import type { Workspace } from '../crashes/planted/workspace.js';
import type { Attempt } from './killing.js';
import type { Killer, Mutant } from './mutant.js';

interface Line {
  readonly key: string;
  readonly attempt: Attempt;
}

/** What was tried before, in a file: with the same code, the same edits and the same test it is not tried again. */
export class AttemptMemory {
  readonly #file: string;
  readonly #known = new Map<string, Attempt>();
  readonly #build = buildOf(['@apiary/core', '@apiary/decorators', '@apiary/testing/internal']);
  readonly #workspace: Workspace;

  constructor(file: string, workspace: Workspace) {
    this.#file = file;
    this.#workspace = workspace;
    mkdirSync(dirname(file), { recursive: true });
    if (!existsSync(file)) return;
    // The last line may have been cut.
    for (const text of readFileSync(file, 'utf8').split('\n').slice(0, -1)) {
      const { key, attempt } = JSON.parse(text) as Line;
      this.#known.set(key, attempt);
    }
  }

  known(edits: Mutant['edits'], killer: Killer): Attempt | undefined {
    return this.#known.get(this.#key(edits, killer));
  }

  add(edits: Mutant['edits'], killer: Killer, attempt: Attempt): void {
    const key = this.#key(edits, killer);
    this.#known.set(key, attempt);
    appendFileSync(this.#file, `${JSON.stringify({ key, attempt } satisfies Line)}\n`);
  }

  #key(edits: Mutant['edits'], killer: Killer): string {
    const test = readFileSync(this.#workspace.test(killer.file), 'utf8');
    return createHash('sha256')
      .update(JSON.stringify([this.#build, edits, killer, test]))
      .digest('hex')
      .slice(0, 24);
  }
}
