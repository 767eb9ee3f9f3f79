/** What runs to which nothing happened leave: the measure for those that were crashed. */
import { differences, placeOf, withLabels, type RawState } from '../crashes/canonical-state.js';
import { constantsOf, unlike } from './generated-values.js';

export class Reference {
  readonly #state: RawState;
  readonly #constants: ReadonlySet<string>;
  /** Steps whose results come from outside, and are others each time. */
  readonly #outside: ReadonlySet<string>;

  /** @throws Error if the two differ in what no recorded value explains */
  constructor(first: RawState, second: RawState) {
    this.#state = second;
    this.#constants = constantsOf(first, second);
    const outputs = new Map(first.records.map((record) => [placeOf(record), record['output']]));
    const changed = second.records.filter((record) => outputs.has(placeOf(record)) && outputs.get(placeOf(record)) !== record['output']);
    this.#outside = new Set(changed.map(placeOf));
    const unequal = this.differences(first);
    if (unequal.length > 0) throw new Error(twoRuns(unequal));
  }

  /** In words; none if the run did the same. */
  differences(found: RawState): readonly string[] {
    const label = ({ lines, records, violations }: RawState) => ({ lines: withLabels(lines, records, this.#outside), violations });
    const all = differences(label(this.#state), label(found));
    const of = (prefix: string): string[] => all.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length));
    const { missing, extra } = unlike(of('missing: '), of('extra: '), { constants: this.#constants, expected: this.#state, found });
    return [...missing.map((line) => `missing: ${line}`), ...extra.map((line) => `extra: ${line}`), ...found.violations];
  }
}

function twoRuns(unequal: readonly string[]): string {
  return [
    'two runs of the scenario without any crash differ, so nothing can be said about a run with one:',
    ...unequal.map((line) => `  ${line}`),
    'A value that no step recorded made the difference. In the body of a workflow use now(), random() and randomUUID() of @apiary/core instead of',
    'Date.now(), Math.random() and crypto.randomUUID(), or let a step return the value; in arrange and act use constants.',
  ].join('\n');
}
