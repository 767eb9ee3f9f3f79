/**
 * node run.js ci | planted | literal | clean [shape[;shape]] [faults[,faults]] | deep [seed] | simulated | docs
 * SECONDS bounds one scenario (120; deep: 10), STATES too (five million; docs: 20 000, about ten minutes). TRACES=1 prints every trace that was found.
 */
import { writeFileSync } from 'node:fs';
import {
  cleanCheck,
  deepChecks,
  harmlessChecks,
  heads,
  literalChecks,
  mixtureCheck,
  plantedChecks,
  plantedRules,
  simulatedCheck,
  type Check,
} from './checks.js';
import { document } from './document.js';
import { allPairs, smallPairs } from './scenarios/selection.js';
import { line, numbered } from './tables.js';

const [mode = 'ci', first, second] = process.argv.slice(2);
const seconds = Number(process.env['SECONDS'] ?? (mode === 'deep' ? 10 : 120));
const states = Number(process.env['STATES'] ?? (mode === 'docs' ? 20_000 : 5_000_000));
const bounds = { seconds, states };
let failures = 0;

function table(kind: keyof typeof heads, checks: readonly Check[]): void {
  console.log(`\n${line(heads[kind])}`);
  for (const check of checks) {
    const { passed, cells, trace } = check.run(bounds);
    console.log(`${line(cells)}${passed ? '' : '   <- FAILED'}`);
    if (!passed) failures++;
    if (trace.length > 0 && (!passed || process.env['TRACES'] !== undefined)) console.log(numbered(trace));
  }
}

const only = (shapes: string | undefined, faults: string | undefined): Check[] =>
  allPairs()
    .filter(([s, f]) => (shapes === undefined || shapes.split(';').includes(s)) && (faults === undefined || faults.split(',').includes(f)))
    .map(([s, f]) => cleanCheck(s, f));

const modes: Record<string, () => void> = {
  ci() {
    modes['planted']?.();
    modes['literal']?.();
    table(
      'clean',
      smallPairs().map(([s, f]) => cleanCheck(s, f)),
    );
    table('deep', [mixtureCheck(Number(first ?? 1), seconds, 200)]);
  },
  planted: () => table('planted', plantedChecks()),
  literal() {
    table('literal', literalChecks());
    table('harmless', harmlessChecks());
  },
  simulated() {
    console.log(`\n${line(heads.deep)}`);
    const verdicts = plantedRules.map((rule) => simulatedCheck(rule, 400).run(bounds));
    for (const { cells } of verdicts) console.log(line(cells));
    console.log(`${verdicts.filter((v) => !v.passed).length} of ${verdicts.length} found`);
  },
  clean: () => table('clean', only(first, second)),
  deep: () => table('deep', [mixtureCheck(Number(first ?? 1), 6 * seconds), ...deepChecks(Number(first ?? 1), seconds)]),
  docs: () => writeFileSync(new URL('../../../../docs/model.md', import.meta.url), document(states)),
};

const run = modes[mode];
if (run === undefined) throw new Error(`no mode ${mode}: ${Object.keys(modes).join(' | ')}`);
run();
if (mode !== 'docs') console.log(failures === 0 ? '\nall as it should be' : `\n${failures} FAILED`);
process.exitCode = failures === 0 ? 0 : 1;
