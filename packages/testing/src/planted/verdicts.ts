import type { Attempt } from './killing.js';
import type { Mutant } from './mutant.js';

export interface Verdict {
  readonly mutant: Mutant;
  readonly end: 'killed by an assertion' | 'killed by a time-out' | 'SURVIVED' | 'NO CONTROL';
  /** The first test that failed, and what it said. */
  readonly test: string;
  readonly message: string;
}

/** The test fails without the mutant too: then it says nothing of it. */
export function withoutControl(mutant: Mutant, message: string): Verdict {
  return { mutant, end: 'NO CONTROL', test: mutant.killer.test, message };
}

export function verdictOf(mutant: Mutant, { end, test, message }: Attempt): Verdict {
  if (end === 'assertion') return { mutant, end: 'killed by an assertion', test, message };
  if (end === 'time-out') return { mutant, end: 'killed by a time-out', test, message };
  return { mutant, end: 'SURVIVED', test: mutant.killer.test, message: end };
}

/**
 * A page for people: what is planted, what it breaks, and who found it.
 * @param remembered the rows are of earlier runs, and so many planted bugs have no row
 */
export function tableOf(verdicts: readonly Verdict[], remembered?: { readonly untried: readonly Mutant[] }): string {
  const killed = verdicts.filter(({ end }) => end.startsWith('killed')).length;
  const rows = verdicts.map(({ mutant, end, test }) => {
    return `| ${cell(mutant.name)} | ${mutant.breaks} | ${cell(test === '' ? mutant.killer.test : test)} | \`${mutant.killer.file.split('/').slice(1).join('/')}\` | ${end} |`;
  });
  return [
    '# Planted bugs',
    '',
    '`npm run planted` plants each of these mistakes in a copy of the built engine and runs the one test that has to find it. Each test also runs on the engine',
    'as it is, and has to pass then. This page is written by `npm run planted -- --markdown docs/planted-bugs.md`.',
    '',
    `${killed} of ${verdicts.length} were found.`,
    ...(remembered === undefined ? [] : rememberedNote(remembered.untried)),
    '',
    '| planted bug | breaks | found by | in | verdict |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function rememberedNote(untried: readonly Mutant[]): string[] {
  return [
    '',
    'This table is put together from several runs, over which other files of the engine changed; a row stands while the files that its bug changes, and its test, are the',
    `same. It is not one run over one build. Not tried since their files changed (${untried.length}):`,
    '',
    ...untried.map(({ name, breaks }) => `- ${name} (${breaks})`),
  ];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
