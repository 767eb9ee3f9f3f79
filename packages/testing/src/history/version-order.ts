import type { Anomaly } from './anomaly.js';
import { readStepElement, type Element, type HistoryTransaction, type Read } from './history.js';

/** Who appended what, and in which order each list grew. */
export interface VersionOrder {
  /** Key to the longest list seen. */
  readonly lists: ReadonlyMap<Element, readonly Element[]>;
  /** The transaction that appended an element of a key; failed ones too. */
  writerOf(key: Element, value: Element): HistoryTransaction | undefined;
  /** Keys of which the reads tell no one order: nothing can be concluded from their lists. */
  readonly unordered: ReadonlySet<Element>;
  /** All that is wrong with the lists by themselves. */
  readonly anomalies: readonly Anomaly[];
}

/** @param final the lists in the end, when nobody wrote any more: then also what is missing from them is known */
export function versionOrder(history: readonly HistoryTransaction[], final?: ReadonlyMap<Element, readonly Element[]>): VersionOrder {
  const writers = new Map<Element, Map<Element, HistoryTransaction>>();
  for (const transaction of history) {
    for (const operation of transaction.operations) {
      if (operation.kind !== 'append') continue;
      let byValue = writers.get(operation.key);
      if (byValue === undefined) writers.set(operation.key, (byValue = new Map()));
      // a value that a failed try and its successful repetition share belongs to the success
      const known = byValue.get(operation.value);
      if (known === undefined || known.status === 'fail') byValue.set(operation.value, transaction);
    }
  }
  const reads = history.flatMap((transaction) =>
    transaction.status === 'ok' ? transaction.operations.filter((o): o is Read => o.kind === 'read').map((read) => ({ read, by: transaction.id })) : [],
  );
  const lists = new Map<Element, readonly Element[]>(final);
  for (const { read } of reads) {
    const known = lists.get(read.key);
    if (known === undefined || read.values.length > known.length) lists.set(read.key, read.values);
  }
  const writerOf = (key: Element, value: Element): HistoryTransaction | undefined => writers.get(key)?.get(value);
  const disorder = [...incompatible(reads, lists), ...repeated(lists)];
  return {
    lists,
    writerOf,
    unordered: new Set(disorder.flatMap(({ key }) => (key === undefined ? [] : [key]))),
    anomalies: [...disorder, ...repeatedSteps(lists), ...strangers(lists, writerOf), ...(final === undefined ? [] : lost(history, final))],
  };
}

function incompatible(reads: readonly { read: Read; by: Element }[], lists: ReadonlyMap<Element, readonly Element[]>): Anomaly[] {
  const found: Anomaly[] = [];
  for (const { read, by } of reads) {
    const list = lists.get(read.key) ?? [];
    const at = read.values.findIndex((value, i) => value !== list[i]);
    if (at < 0) continue;
    const detail = `transaction ${by} read ${String(read.values[at])} at position ${at} of ${String(read.key)}, where another read shows ${String(list[at])}`;
    found.push({ kind: 'incompatible order', key: read.key, transactions: [by], detail });
  }
  return found;
}

function repeated(lists: ReadonlyMap<Element, readonly Element[]>): Anomaly[] {
  const found: Anomaly[] = [];
  for (const [key, list] of lists) {
    const seen = new Set<Element>();
    for (const value of list) {
      if (seen.has(value)) found.push({ kind: 'duplicated effect', key, transactions: [], detail: `${String(value)} stands twice in ${String(key)}` });
      seen.add(value);
    }
  }
  return found;
}

/** Two attempts of one step that both left an effect. */
function repeatedSteps(lists: ReadonlyMap<Element, readonly Element[]>): Anomaly[] {
  const found: Anomaly[] = [];
  for (const [key, list] of lists) {
    const effects = new Map<string, Element>();
    for (const value of list) {
      const source = readStepElement(value);
      if (source === undefined) continue;
      const step = JSON.stringify([source.workflowId, source.stepId]);
      const earlier = effects.get(step);
      if (earlier !== undefined && earlier !== value) {
        found.push({
          kind: 'duplicated effect',
          key,
          transactions: [],
          detail: `${String(earlier)} and ${String(value)} of ${String(key)} are effects of one step`,
        });
      }
      effects.set(step, value);
    }
  }
  return found;
}

function strangers(lists: ReadonlyMap<Element, readonly Element[]>, writerOf: VersionOrder['writerOf']): Anomaly[] {
  const found: Anomaly[] = [];
  for (const [key, list] of lists) {
    for (const value of list) {
      if (writerOf(key, value) === undefined)
        found.push({ kind: 'unknown element', key, transactions: [], detail: `nobody appended ${String(value)} to ${String(key)}` });
    }
  }
  return found;
}

function lost(history: readonly HistoryTransaction[], final: ReadonlyMap<Element, readonly Element[]>): Anomaly[] {
  const sets = new Map([...final].map(([key, list]) => [key, new Set(list)]));
  const found: Anomaly[] = [];
  for (const { id, status, operations } of history) {
    if (status !== 'ok') continue;
    for (const operation of operations) {
      if (operation.kind !== 'append' || sets.get(operation.key)?.has(operation.value) === true) continue;
      const detail = `transaction ${id} was acknowledged, but ${String(operation.value)} is not in ${String(operation.key)}`;
      found.push({ kind: 'lost append', key: operation.key, transactions: [id], detail });
    }
  }
  return found;
}
