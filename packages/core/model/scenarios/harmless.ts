/** Rules that do no harm when they alone are broken: a second rule holds. Kept, as defence in depth; broken together they would be found. */
import type { Rule } from '../protocol/rules.js';
import type { Try } from './planted.js';
import { budget } from '../protocol/scenario.js';

export const harmless: Partial<Record<Rule, { readonly held: string; readonly tries: readonly Try[] }>> = {
  updateDoesNotRaise: {
    held: 'the fence: nobody else can own the row while a flight of mine can commit; a repeated group finds its own rows',
    tries: [
      { shape: 'W,W', budget: budget({ cancel: 1, resume: 1, cut: 1 }) },
      { shape: 'sleep,W', budget: budget({ cut: 1 }) },
    ],
  },
  wakeKeepsEpoch: {
    held: 'one run an id in a process, and no new run before the old carriers are answered',
    tries: [
      { shape: 'sleep,C', budget: budget({ cut: 1 }) },
      { shape: 'W,sleep,W', budget: budget({ crash: 1, cut: 1 }) },
    ],
  },
};
