/** What is sent behind something that has no answer yet: journal/journal.ts, store/connection/connection.ts and transaction.ts. */
import { killer, mutant, type Mutant } from '../mutant.js';

const journal = 'core/journal/journal.js';
const connection = 'core/store/connection/connection.js';
const test = (name: string) => killer('interleavings/two-batches', `a batch behind one that is in the air ${name}`);
const transaction = 'core/store/connection/transaction.js';
const together = (name: string) => killer('connection/transaction-together', `statements of a transaction that are sent together ${name}`);
const flight = (name: string) => killer('connection/flight', `behind another one ${name}`);

export const twoBatchesMutants: readonly Mutant[] = [
  mutant(
    'a batch behind another one carries workflows of it',
    '4.3',
    [journal, 'ahead !== undefined && shares(group, ahead)', 'false'],
    test('has nothing of a workflow that the other one carries'),
  ),
  mutant('a batch goes behind one that is written in parts', '4.3', [journal, 'this.#inTrouble = true;', ''], test('behind one that fails: ')),
  mutant('a batch behind another one is small', '4.3', [journal, 'Math.max(leastBehind, first.groups.length)', 'leastBehind'], test('is as large as that one')),
  mutant(
    'a batch that was lost behind another one is written again before it',
    '4.3',
    [journal, 'await ahead; ahead = undefined; if', 'ahead = undefined; if'],
    test('is written again with that one when the connection is lost before'),
  ),
  mutant(
    'a flight is written behind one that prepares',
    '4.2',
    [connection, 'before.preparesNothing', 'true'],
    flight('waits where it is not asked to be, and where one before it prepares'),
  ),
  mutant(
    'a flight that was written behind another one is not lost with the connection',
    '4.2',
    [connection, 'this.#queue[0]?.written === true', 'false'],
    flight('is lost with the connection'),
  ),
  mutant(
    'the first statement of a transaction is written behind what is none of it, without its BEGIN',
    'L1',
    [connection, 'before.owner === owner', 'true'],
    together('wait for what the connection does for others, since BEGIN goes with the first'),
  ),
  mutant(
    'statements of a transaction wait for the answers to each other',
    '4.2',
    [transaction, 'this.connection.send(statements, done, this, undefined, true)', 'this.connection.send(statements, done, this)'],
    together('do not wait for the answers to each other'),
  ),
];
