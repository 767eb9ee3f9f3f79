import type { Anomaly } from './anomaly.js';
import { findCycles } from './cycles.js';
import { dependencies } from './edges.js';
import type { Element, HistoryTransaction } from './history.js';
import { checkProgramOrder } from './program-order.js';
import { checkReads } from './reads.js';
import { versionOrder } from './version-order.js';

export interface CheckOptions {
  /** The lists in the end, read when nobody wrote any more: what was acknowledged and is not in them is lost. */
  readonly final?: ReadonlyMap<Element, readonly Element[]>;
  /** A transaction that ended before another began must come before it (strict serializability). Default false. */
  readonly realTime?: boolean;
  /** Steps of a workflow must come in their order. Default true. */
  readonly programOrder?: boolean;
}

/** Everything that is wrong with a list-append history; nothing, if it is serializable (and what the options ask for). */
export function checkHistory(history: readonly HistoryTransaction[], options: CheckOptions = {}): readonly Anomaly[] {
  const { final, realTime = false, programOrder = true } = options;
  const order = versionOrder(history, final);
  return [
    ...order.anomalies,
    ...checkReads(history, order),
    ...(programOrder ? checkProgramOrder(order.lists) : []),
    ...findCycles(dependencies(history, order, { realTime, programOrder })),
  ];
}
