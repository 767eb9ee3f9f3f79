/** docs/model.md: the tables of the model, made by running it. Bounded by states and walks, so that every run makes the same tables. */
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
  type Verdict,
} from './checks.js';
import { allPairs } from './scenarios/selection.js';
import { markdown } from './tables.js';

const seconds = 3600;
const seed = 1;

export function document(states: number): string {
  const all = (checks: readonly Check[]): Verdict[] => checks.map((c) => c.run({ seconds, states }));
  const planted = all(plantedChecks());
  const literal = all(literalChecks());
  const harmless = all(harmlessChecks());
  const clean = allPairs().map(([shape, faults]) => ({ shape, faults, verdict: cleanCheck(shape, faults).run({ seconds, states }) }));
  const deep = all([mixtureCheck(seed, seconds, 5000), ...deepChecks(seed, seconds, 300)]);
  const simulated = all(plantedRules.map((rule) => simulatedCheck(rule, 400))).filter((v) => !v.passed);
  const complete = clean.filter((c) => c.verdict.passed && c.verdict.complete).length;
  return [
    '# The model of the protocol',
    'Made by `npm run model -w @apiary/core -- docs`; what it is and how to read it: packages/core/model/README.md.',
    `## Rules broken on purpose: ${passed(planted)} found`,
    'Each rule of the protocol is left out once; the checker must find a shortest sequence of moves to a broken invariant. ' +
      `Random walks of three executors with every fault at once (400 a rule) find ${simulated.length} of them.`,
    table('planted', planted),
    `## Wordings that fail: ${passed(literal)} found, and hold when repaired`,
    table('literal', literal),
    '## Rules that a second rule covers',
    table('harmless', harmless),
    `## The protocol as it is: ${passed(clean.map((c) => c.verdict))} without a violation`,
    `Two processes, or three where it says so. States seen: all of them in ${complete} scenarios; where > stands, the first ${states} by breadth. ` +
      'In all states that were seen the invariants hold; where all were seen, a finished state can be reached from each of them without further faults.',
    pivot(clean),
    `## Three executors: ${passed(deep)} without a violation`,
    'Random walks with crashes, stops, lost connections, 40001, crashes of PostgreSQL, lapsed leases, cancel, resume, errors of users, forks and shutdowns at once; then the faults stop and the walk must finish.',
    markdown(
      ['shape', 'seed', 'walks', 'moves', 'faults', 'result'],
      deep.map(({ cells }) => [...cells.slice(0, 5), ...cells.slice(6)]),
    ),
    '',
  ].join('\n\n');
}

const passed = (list: readonly Verdict[]): string => `${list.filter((v) => v.passed).length} of ${list.length}`;

const table = (kind: keyof typeof heads, verdicts: readonly Verdict[]): string =>
  markdown(
    heads[kind],
    verdicts.map((v) => v.cells),
  );

/** One row a shape, one column a set of faults. */
function pivot(clean: readonly { shape: string; faults: string; verdict: Verdict }[]): string {
  const shapes = [...new Set(clean.map((c) => c.shape))];
  const faults = [...new Set(clean.map((c) => c.faults))];
  const cell = (shape: string, fault: string): string => {
    const found = clean.find((c) => c.shape === shape && c.faults === fault)?.verdict;
    if (found === undefined) return '';
    if (!found.passed) return `**${String(found.cells[5])}**`;
    return `${found.complete ? '' : '> '}${String(found.cells[2])}`;
  };
  return markdown(
    ['shape', ...faults],
    shapes.map((s) => [s, ...faults.map((f) => cell(s, f))]),
  );
}
