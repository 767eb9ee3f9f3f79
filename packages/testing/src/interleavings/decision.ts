/** What a schedule decides to let happen. A list of these is drawn from a seed, and shrunk when it shows something. */
import fc, { type Arbitrary } from 'fast-check';

/** A write of an executor: the nth that its work makes, from 1. */
interface AtWrite {
  readonly executor: number;
  readonly write: number;
}
export type Decision =
  /** The nth row that the engine inserts, of a workflow or a record, is refused at its commit. */
  | { readonly kind: 'conflict'; readonly row: number; readonly state: '40001' | '40P01' }
  | ({ readonly kind: 'cut'; readonly at: 'before' | 'within' | 'after' } & AtWrite)
  | ({ readonly kind: 'lost answer' } & AtWrite)
  /** It is kept back until so many writes of anybody were answered. */
  | ({ readonly kind: 'late write' | 'late answer'; readonly behind: number } & AtWrite)
  /** From there on nothing of it arrives; it goes on when its work was taken over. */
  | ({ readonly kind: 'pause' } & AtWrite)
  | { readonly kind: 'notifications'; readonly how: 'late' | 'repeated' | 'lost'; readonly executor: number };

const mostRows = 12;
const earlyWrites = 5;
const mostWrites = 15;
const mostBehind = 6;
const mostDecisions = 6;

export function decisions(executors: number): Arbitrary<readonly Decision[]> {
  const executor = fc.integer({ min: 1, max: executors });
  // Most work is short.
  const write = fc.oneof({ weight: 2, arbitrary: fc.integer({ min: 1, max: earlyWrites }) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: mostWrites }) });
  const behind = fc.integer({ min: 1, max: mostBehind });
  const one = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('conflict' as const),
        row: fc.integer({ min: 1, max: mostRows }),
        state: fc.constantFrom('40001' as const, '40P01' as const),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('cut' as const), executor, write, at: fc.constantFrom('before' as const, 'within' as const, 'after' as const) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('lost answer' as const), executor, write }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('late write' as const, 'late answer' as const), executor, write, behind }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pause' as const), executor, write }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('notifications' as const),
        how: fc.constantFrom('late' as const, 'repeated' as const, 'lost' as const),
        executor,
      }),
    },
  );
  // Fewer of them tell more than earlier ones.
  return fc.array(fc.noShrink(one), { maxLength: mostDecisions, size: 'max' });
}

export function wordsOf(decision: Decision): string {
  switch (decision.kind) {
    case 'conflict':
      return `row ${decision.row} of the engine is refused at its commit with ${decision.state}`;
    case 'cut':
      return `executor ${decision.executor} loses its connection ${decision.at} its write ${decision.write}`;
    case 'lost answer':
      return `executor ${decision.executor} never gets the answer to its write ${decision.write}, which was done`;
    case 'late write':
      return `write ${decision.write} of executor ${decision.executor} arrives after ${decision.behind} others`;
    case 'late answer':
      return `the answer to write ${decision.write} of executor ${decision.executor} arrives after ${decision.behind} others`;
    case 'pause':
      return `executor ${decision.executor} stands still at its write ${decision.write}, until another one has taken its work over`;
    case 'notifications':
      return `notifications to executor ${decision.executor} are ${decision.how}`;
  }
}
