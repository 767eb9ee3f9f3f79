/** Calls of @Procedures that share a transaction: executor/shared-flights.ts. */
import { killer, mutant, type Mutant } from '../mutant.js';

const shared = 'core/executor/shared-flights.js';
const test = (name: string) => killer('laws/shared-flights', `concurrent calls of @Procedures ${name}`);

export const sharedFlightMutants: readonly Mutant[] = [
  mutant(
    'an error of one call is the error of all that share its flight',
    'L1',
    [shared, 'load.settle(false); tell(alone);', 'load.settle(false); fail(error);'],
    test('of which one fails'),
  ),
  mutant(
    'each call of a shared flight gets the answers to the first one',
    'L6',
    [shared, 'tell(results.slice(at, (at += statements.length)));', 'tell(results.slice(0, statements.length));'],
    test('of a row that all of them change'),
  ),
  mutant(
    'a shared flight whose answer was lost is flown again',
    'L3',
    [shared, "passengers.length > 1 && classify(error) !== 'connection'", 'passengers.length > 1'],
    test('whose shared flight is lost \\(lose answer'),
  ),
  mutant(
    'a shared flight waits for locks as long as they are held',
    '4.3',
    [shared, 'passengers.length === 1 ? [gate.begin] : [gate.begin, lockTimeout]', '[gate.begin]'],
    test('of which one meets a lock'),
  ),
  mutant('statements that notify share a transaction', '4.8', [shared, '!lasting.test(text)', 'true'], test('that show to others')),
  {
    name: 'calls of several isolation levels share a transaction',
    breaks: 'L11',
    edits: [
      { file: shared, text: 'this.#gates.get(begin.text)', by: "this.#gates.get('')" },
      { file: shared, text: 'this.#gates.set(begin.text,', by: "this.#gates.set(''," },
    ],
    killer: test('of another isolation level'),
  },
];
