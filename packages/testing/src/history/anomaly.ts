import type { Edge } from './edges.js';
import type { Element } from './history.js';

/**
 * What can be wrong with a history. After Adya: G0 write cycle, G1a aborted read, G1b intermediate read, G1c circular information flow,
 * G-single read skew and lost update, G2 write skew; and what durable execution adds.
 */
export type AnomalyKind =
  | 'G0'
  | 'G1a'
  | 'G1b'
  | 'G1c'
  | 'G-single'
  | 'G2'
  /** An append that was acknowledged is not there in the end. */
  | 'lost append'
  /** An element stands twice, or two attempts of one step both left theirs. */
  | 'duplicated effect'
  /** Two reads of a list of which neither is a beginning of the other. */
  | 'incompatible order'
  /** Steps of a workflow took effect in another order than the workflow ran them. */
  | 'program order'
  /** A transaction did not see its own append. */
  | 'internal'
  /** A read shows an element that nobody appended. */
  | 'unknown element'
  /** A read that began after an element was acknowledged does not show it, a later one does. */
  | 'stale read'
  /** The balances do not add up. */
  | 'bank';

export interface Anomaly {
  readonly kind: AnomalyKind;
  /** Only together with the order in real time, or in a workflow, is it a cycle. */
  readonly realTime?: boolean;
  readonly key?: Element;
  /** Transactions that take part. */
  readonly transactions: readonly Element[];
  /** A sentence for a person. */
  readonly detail: string;
  readonly cycle?: readonly Edge[];
}
