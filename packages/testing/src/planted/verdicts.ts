import type { Attempt } from './killing.js';
import type { Mutant } from './mutant.js';

export interface Verdict {
  readonly mutant: Mutant;
  readonly end: 'killed by an assertion' | 'killed by a time-out' | 'SURVIVED' | 'NO CONTROL';
  readonly seen: Attempt | undefined;
}

/** The mutant is tried only where its test passes without it. */
export async function verdictOf(mutant: Mutant, control: Attempt, attempt: () => Promise<Attempt>): Promise<Verdict> {
  if (control.end !== 'passed') return { mutant, end: 'NO CONTROL', seen: { ...control, message: `${control.end}: ${control.message}` } };
  const seen = await attempt();
  if (seen.end === 'assertion') return { mutant, end: 'killed by an assertion', seen };
  if (seen.end === 'time-out') return { mutant, end: 'killed by a time-out', seen };
  return { mutant, end: 'SURVIVED', seen: undefined };
}

/** A page for people: what is planted, what it breaks, and who found it. */
export function tableOf(verdicts: readonly Verdict[]): string {
  const killed = verdicts.filter(({ end }) => end.startsWith('killed')).length;
  const rows = verdicts.map(({ mutant, end, seen }) => {
    const test = seen?.test === undefined || seen.test === '' ? mutant.killer.test : seen.test;
    return `| ${cell(mutant.name)} | ${mutant.breaks} | ${cell(test)} | \`${mutant.killer.file.split('/').slice(1).join('/')}\` | ${end} |`;
  });
  return [
    '# Planted bugs',
    '',
    '`npm run planted` plants each of these mistakes in a copy of the built engine and runs the one test that has to find it. Each test also runs on the engine',
    'as it is, and has to pass then. This page is written by `npm run planted -- --markdown docs/planted-bugs.md`.',
    '',
    `${killed} of ${verdicts.length} were found.`,
    '',
    '| planted bug | breaks | found by | in | verdict |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
