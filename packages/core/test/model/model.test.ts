/** The model of the protocol (packages/core/model): what every commit checks of it. */
import { expect } from 'chai';
import type { Verdict } from '../../model/index.js';

// Built beside this test's own output; a URL, since sources and outputs lie at different depths.
const model = (await import(new URL('../../../model/dist/index.js', import.meta.url).href)) as typeof import('../../model/index.js');

const bounds = { seconds: 60, states: 200_000 };
const why = ({ cells, trace }: Verdict): string => `${cells.join(' | ')}\n${model.numbered(trace)}`;

describe('the model of the exactly-once protocol', () => {
  describe('finds each rule that is broken on purpose', () => {
    for (const check of model.plantedChecks())
      it(check.name, () => {
        const verdict = check.run(bounds);
        expect(verdict.passed, why(verdict)).to.equal(true);
        expect(verdict.trace, 'a shortest trace').not.to.have.length(0);
      });
  });

  describe('finds each wording that fails, and nothing in its repair', () => {
    for (const check of model.literalChecks())
      it(check.name, () => {
        const verdict = check.run(bounds);
        expect(verdict.passed, why(verdict)).to.equal(true);
      });
  });

  describe('finds nothing where a second rule holds', () => {
    for (const check of model.harmlessChecks())
      it(check.name, () => {
        const verdict = check.run(bounds);
        expect(verdict.passed, why(verdict)).to.equal(true);
      });
  });

  describe('finds nothing in the protocol as it is, in all states of', () => {
    const shapes = [...new Set(model.smallPairs().map(([shape]) => shape))];
    for (const shape of shapes)
      it(shape, () => {
        for (const [, faults] of model.smallPairs().filter(([s]) => s === shape)) {
          const verdict = model.cleanCheck(shape, faults).run(bounds);
          expect(verdict.passed, why(verdict)).to.equal(true);
          expect(verdict.complete, `all states seen: ${verdict.cells.join(' | ')}`).to.equal(true);
        }
      });
  });

  it('finds broken rules by random walks of three executors, with a shortened trace', () => {
    const rules = [
      'groupOvertakesFlight',
      'cancelsDirectly',
      'cancelsUnsettled',
      'childrenResumed',
      'fencesTheLiving',
      'fenceNotRead',
      'leaseFromAnswer',
      'failedFunctionCommits',
    ] as const;
    const found = rules.map((rule) => model.simulatedCheck(rule, 200).run(bounds)).filter((v) => !v.passed);
    expect(found.length, found.map(why).join('\n')).to.be.greaterThan(rules.length / 2);
    for (const verdict of found) expect(verdict.trace, why(verdict)).to.have.length.lessThan(30);
  });

  it('finds nothing in 200 random walks of three executors over mixed workflows', () => {
    const verdict = model.mixtureCheck(1, bounds.seconds, 200).run(bounds);
    expect(verdict.passed, why(verdict)).to.equal(true);
  });
});
