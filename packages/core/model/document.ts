/** docs/model.md: the tables of the model, made by running it. */
import type { Bounds } from './checker/search.js';
import { cleanCheck, harmlessChecks, heads, literalChecks, plantedChecks, type Verdict } from './checks.js';
import { allPairs } from './scenarios/selection.js';
import { markdown } from './tables.js';

export function document(bounds: Bounds): string {
  const planted = plantedChecks().map((c) => c.run(bounds));
  const literal = literalChecks().map((c) => c.run(bounds));
  const harmless = harmlessChecks().map((c) => c.run(bounds));
  const clean = allPairs().map(([shape, faults]) => ({ shape, faults, verdict: cleanCheck(shape, faults).run(bounds) }));
  const passed = (list: readonly Verdict[]): string => `${list.filter((v) => v.passed).length} of ${list.length}`;
  return [
    '# The model of the protocol',
    'Made by `npm run model -w @apiary/core -- docs > docs/model.md`; what it is: packages/core/model/README.md.',
    `## Rules broken on purpose: ${passed(planted)} found`,
    'Each rule of the protocol is left out once; the checker must find a shortest sequence of moves to a broken invariant.',
    markdown(heads.planted, planted.map((v) => v.cells)),
    `## Wordings that fail: ${passed(literal)} found, and hold when repaired`,
    markdown(heads.literal, literal.map((v) => v.cells)),
    '## Rules that a second rule covers',
    markdown(heads.harmless, harmless.map((v) => v.cells)),
    `## The protocol as it is: ${passed(clean.map((c) => c.verdict))} without a violation`,
    `States seen, all of them unless marked >: there the bound of ${bounds.seconds} seconds ended the search, and safety holds for what was seen.`,
    pivot(clean),
  ].join('\n\n');
}

/** One row a shape, one column a set of faults. */
function pivot(clean: readonly { shape: string; faults: string; verdict: Verdict }[]): string {
  const shapes = [...new Set(clean.map((c) => c.shape))];
  const faults = [...new Set(clean.map((c) => c.faults))];
  const cell = (shape: string, fault: string): string => {
    const found = clean.find((c) => c.shape === shape && c.faults === fault)?.verdict;
    if (found === undefined) return '';
    if (!found.passed) return `**${String(found.cells[5])}**`;
    return `${found.cells[5] === 'holds' ? '' : '> '}${String(found.cells[2])}`;
  };
  return markdown(['shape', ...faults], shapes.map((s) => [s, ...faults.map((f) => cell(s, f))]));
}
