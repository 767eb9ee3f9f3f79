/**
 * `npm run planted`: plants each mutant in a copy of the built engine and runs the test that has to find it, one at a time. Each test also
 * runs without a mutant and has to pass then: a test that fails anyway finds nothing.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Workspace } from '../crashes/planted/workspace.js';
import { runControls, tryMutant, type Attempt } from './killing.js';
import { AttemptMemory } from './memory.js';
import type { Mutant } from './mutant.js';
import { mutants } from './mutants/index.js';
import { tableOf, verdictOf, withoutControl, type Verdict } from './verdicts.js';

const usage = `npm run planted -- [options]

  --only text        those in whose name, rule or test file it stands
  --memory file      where it keeps what it has tried; default in the folder for temporary files
  --fresh            forget what was tried
  --remembered       try nothing; tell of those of which an attempt is remembered (made after the test had passed without the mistake)
  --markdown file    write the table`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    markdown: { type: 'string' },
    memory: { type: 'string' },
    fresh: { type: 'boolean' },
    remembered: { type: 'boolean' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const file = values.memory ?? join(tmpdir(), `apiary-planted-${process.getuid?.() ?? 0}`, 'attempts.jsonl');
if (values.fresh === true) rmSync(file, { force: true });
const { only = '' } = values;
const meant = mutants.filter(({ name, breaks, killer }) => [name, breaks, killer.file].some((text) => text.includes(only)));
const workspace = Workspace.create(['core', 'decorators']);
process.once('exit', () => workspace.remove());
const memory = new AttemptMemory(file, workspace);
const chosen = values.remembered === true ? meant.filter((mutant) => memory.known(mutant) !== undefined) : meant;
/** By file: what is wrong with a test without any mutant. */
const controls = new Map<string, ReadonlyMap<string, string | undefined>>();
const verdicts: Verdict[] = [];
for (const mutant of chosen) {
  const problem = values.remembered === true ? undefined : await control(mutant);
  const verdict = problem === undefined ? verdictOf(mutant, await attempt(mutant)) : withoutControl(mutant, problem);
  verdicts.push(verdict);
  console.log(`${verdict.end}: ${mutant.name} (${mutant.breaks})\n    ${verdict.test}\n    ${verdict.message}`);
}
if (values.markdown !== undefined)
  writeFileSync(values.markdown, tableOf(verdicts, values.remembered === true ? { untried: meant.filter((mutant) => !chosen.includes(mutant)) } : undefined));
const wrong = verdicts.filter(({ end }) => !end.startsWith('killed'));
console.log(`\n${verdicts.length - wrong.length} of ${verdicts.length} killed`);
for (const { mutant, end } of wrong) console.log(`${end}: ${mutant.name}`);
process.exit(wrong.length === 0 && verdicts.length > 0 ? 0 : 1);

/** What is wrong with its test without a mutant. */
async function control({ killer: { file: test, test: pattern } }: Mutant): Promise<string | undefined> {
  let found = controls.get(test);
  if (found === undefined) {
    const killers = chosen.filter(({ killer }) => killer.file === test).map(({ killer }) => killer);
    const unknown = new Map(killers.filter((killer) => !memory.hasPassed(killer)).map((killer) => [killer.test, killer]));
    found = unknown.size === 0 ? new Map<string, undefined>() : await runControls(workspace, test, [...unknown.keys()]);
    controls.set(test, found);
    for (const [name, problem] of found) {
      const killer = unknown.get(name);
      if (problem === undefined && killer !== undefined) memory.passed(killer);
    }
  }
  return found.get(pattern);
}

async function attempt(mutant: Mutant): Promise<Attempt> {
  const known = memory.known(mutant);
  // What survived is tried again: a race may come out otherwise.
  if (known !== undefined && (known.end !== 'passed' || values.remembered === true)) return known;
  const result = await tryMutant(workspace, mutant);
  memory.add(mutant, result);
  return result;
}
