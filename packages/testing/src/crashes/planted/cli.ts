/** `npm run crashes:planted`: plants each bug in a copy of the built engine and lets the enumeration find it. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ShapeResult } from '../enumerate.js';
import { nameOf } from '../point.js';
import { plantedBugs, type PlantedBug } from './bugs.js';
import { Workspace } from './workspace.js';

interface Verdict {
  readonly bug: PlantedBug;
  readonly points: number;
  /** Undefined: nothing was found. */
  readonly found: string | undefined;
}

const patienceMs = 20_000;
const { values } = parseArgs({ options: { only: { type: 'string' }, markdown: { type: 'string' } } });
const bugs = [...controls(), ...plantedBugs];
const chosen = bugs.filter(({ name }) => values.only === undefined || name.includes(values.only));
const verdicts: Verdict[] = [];
for (const bug of chosen) {
  const verdict = hunt(bug);
  verdicts.push(verdict);
  console.log(`${isRight(verdict) ? 'as expected' : 'WRONG'}: ${bug.name} (${bug.shape}, ${bug.mode}): ${verdict.found ?? 'nothing found'}`);
}
if (values.markdown !== undefined) writeFileSync(values.markdown, markdownOf(verdicts));
process.exit(verdicts.every(isRight) ? 0 : 1);

/** Nothing is planted: what is found then, a machine too slow for the patience included, would be found with any bug. */
function controls(): PlantedBug[] {
  const places = new Map(plantedBugs.map(({ shape, mode }) => [`${shape} ${mode}`, { shape, mode }]));
  return [...places.values()].map(({ shape, mode }) => ({
    name: `control: ${shape}, ${mode}`,
    breaks: '-',
    shape,
    mode,
    edits: [],
    harmless: 'nothing is planted',
  }));
}

function isRight({ bug, found }: Verdict): boolean {
  return (bug.harmless === undefined) === (found !== undefined);
}

function hunt(bug: PlantedBug): Verdict {
  const workspace = Workspace.create();
  try {
    for (const { file, text, by } of bug.edits) workspace.replace(file, text, by);
    const json = join(workspace.folder, 'results.json');
    const { stderr, status } = spawnSync(
      process.execPath,
      [
        workspace.path('testing/crashes/cli.js'),
        '--shapes',
        bug.shape,
        '--modes',
        bug.mode,
        '--every',
        'write',
        '--until-found',
        '--patience',
        String(patienceMs),
        '--memory',
        join(workspace.folder, 'memory'),
        '--json',
        json,
      ],
      { cwd: workspace.folder, encoding: 'utf8' },
    );
    // Without results it came to no end of the crash-free run.
    if (!existsSync(json)) return { bug, points: 0, found: `crash-free: ${firstLine(/Error: .*/.exec(stderr)?.[0] ?? `exit code ${status}`)}` };
    const [result] = JSON.parse(readFileSync(json, 'utf8')) as ShapeResult[];
    const at = result?.points.find(({ differences }) => differences.length > 0);
    return { bug, points: result?.points.length ?? 0, found: at === undefined ? undefined : `${nameOf(at.point)}: ${firstLine(at.differences[0] ?? '')}` };
  } finally {
    workspace.remove();
  }
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 160);
}

function markdownOf(all: readonly Verdict[]): string {
  const rows = all.map(({ bug, found }) => {
    const seen = found === undefined ? `no difference: ${bug.harmless ?? ''}` : `\`${found.replaceAll('|', '\\|').replaceAll('`', "'")}\``;
    return `| ${bug.name} | ${bug.breaks} | ${bug.shape} | ${bug.mode} | ${seen} |`;
  });
  return ['| planted bug | breaks | shape | fault | first seen at |', '| --- | --- | --- | --- | --- |', ...rows, ''].join('\n');
}
