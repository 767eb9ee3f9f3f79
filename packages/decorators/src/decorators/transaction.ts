import type { Duration } from '../duration.js';
import { decorateMethod } from '../method.js';
import type { Nameable, Recorded } from './recorded.js';

export type Isolation = 'serializable' | 'repeatable read' | 'read committed';
export interface TransactionOptions extends Nameable {
  /** Default 'serializable'; conflicts (40001, 40P01) and lost connections are retried and never recorded. */
  isolation?: Isolation | undefined;
  /** Run as BEGIN READ ONLY; its record costs no commit. Default false. */
  readOnly?: boolean | undefined;
  /** Time for one attempt, then it is rolled back and TRANSACTION_TIMEOUT. Default 30 seconds. */
  timeout?: Duration | undefined;
}
type TransactionDecorator = <M>(target: object, key: Recorded<M, '@Transaction'>, descriptor: TypedPropertyDescriptor<M>) => void;

/**
 * One ACID transaction on `db`/`sql`, recorded in its own commit: exactly once. Called in another @Transaction it joins it.
 * @param options name, isolation, read-only and time-out; a wrong one is REGISTRATION at launch
 */
export function Transaction(options?: TransactionOptions): TransactionDecorator {
  return decorateMethod('transaction', options);
}
