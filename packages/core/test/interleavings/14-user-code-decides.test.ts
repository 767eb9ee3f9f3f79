import { Service, Transaction, Workflow, db, sql } from '@apiary/core';
import { expect } from 'chai';
import { Engine, note } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();

@Service()
class Steps {
  /** Swallowed outside a savepoint: every later statement fails with 25P02, and that is what leaves the function. */
  @Transaction()
  async failsLater(state: string): Promise<string> {
    await gates.at('attempt');
    await note('a');
    await sql`select fail_first(1, ${state})`.catch(() => {});
    await note('b');
    return 'done';
  }
  /** Caught, and turned into an outcome. */
  @Transaction()
  async decides(state: string): Promise<string> {
    await gates.at('attempt');
    let verdict = 'taken';
    await db.transaction((inner) => inner.raw('select fail_first(1, ?)', [state])).catch(() => (verdict = 'sold out'));
    await note(verdict);
    return verdict;
  }
  @Transaction()
  async inner(state: string): Promise<void> {
    await sql`select fail_first(1, ${state})`;
  }
  @Transaction()
  async joins(state: string): Promise<string> {
    await gates.at('attempt');
    await this.inner(state).catch(() => {});
    await note('after').catch(() => {});
    return 'done';
  }
}

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async run(method: 'failsLater' | 'decides' | 'joins', state: string): Promise<string> {
    return this.steps[method](state);
  }
}

for (const isolation of ['serializable', 'repeatable read', 'read committed'] as const) {
  describe(`INTERLEAVING 14 at ${isolation} (the other cases are L1 and L2)`, () => {
    let engine: Engine;
    before(async () => {
      engine = await Engine.start({ services: [Flows], isolation });
    });
    after(() => engine.close());
    beforeEach(async () => {
      await engine.clear();
      gates.reset();
    });
    afterEach(() => engine.expectEffectsRecorded());
    for (const state of ['40001', '40P01']) {
      for (const [method, result, ledger] of [
        ['failsLater', 'done', ['a', 'b']],
        ['decides', 'taken', ['taken']],
        ['joins', 'done', ['after']],
      ] as const) {
        it(`INTERLEAVING 14: ${state} that user code swallowed does not steer the outcome (${method})`, async () => {
          expect(await engine.app.get(Steps)[method](state)).equal(result);
          expect([gates.visits('attempt'), await engine.ledger()]).deep.equal([2, ledger]);
          await engine.clear();
          expect(await engine.app.get(Flows).run(method, state)).equal(result);
          expect([gates.visits('attempt'), await engine.ledger()]).deep.equal([4, ledger]);
        });
      }
    }
  });
}
