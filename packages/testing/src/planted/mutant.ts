import type { Edit } from '../crashes/planted/bugs.js';

/** The test that has to fail. */
export interface Killer {
  /** The built test file, `core/laws/L7-liveness`. */
  readonly file: string;
  /** A regular expression for mocha's `-g`: as few tests as show it. */
  readonly test: string;
}

/** A mistake that an engine like this could have, planted in the built code. */
export interface Mutant {
  readonly name: string;
  /** What of the design it breaks. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  readonly killer: Killer;
}

/** A mutant of one edit. */
export function mutant(name: string, breaks: string, [file, text, by]: readonly [file: string, text: string, by: string], killer: Killer): Mutant {
  return { name, breaks, edits: [{ file, text, by }], killer };
}

export function killer(file: string, test: string): Killer {
  return { file: `core/${file}`, test };
}
