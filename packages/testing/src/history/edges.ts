import { compareSteps, type Element, type HistoryTransaction } from './history.js';
import type { VersionOrder } from './version-order.js';

/**
 * Why one transaction comes before another: it wrote the version before (ww), wrote what the other read (wr), read the version before the one
 * that the other wrote (rw), ended before the other began (rt), is an earlier step of the same workflow (po).
 */
export type EdgeKind = 'ww' | 'wr' | 'rw' | 'rt' | 'po';

export interface Edge {
  readonly from: Element;
  readonly to: Element;
  readonly kind: EdgeKind;
  readonly key?: Element;
}

/** The dependencies between transactions, by position in `transactions`. */
export class DependencyGraph {
  readonly transactions: readonly HistoryTransaction[];
  /** For each transaction those that come after it, and why. */
  readonly after: readonly Map<number, Map<EdgeKind, Element | undefined>>[];
  readonly #index: Map<HistoryTransaction, number>;

  constructor(transactions: readonly HistoryTransaction[]) {
    this.transactions = transactions;
    this.after = transactions.map(() => new Map());
    this.#index = new Map(transactions.map((transaction, i) => [transaction, i]));
  }

  add(from: HistoryTransaction | undefined, to: HistoryTransaction | undefined, kind: EdgeKind, key?: Element): void {
    const a = from && this.#index.get(from);
    const b = to && this.#index.get(to);
    if (a === undefined || b === undefined || a === b) return;
    const targets = this.after[a];
    const kinds = targets?.get(b);
    if (kinds === undefined) targets?.set(b, new Map([[kind, key]]));
    else if (!kinds.has(kind)) kinds.set(kind, key);
  }

  /** Of the kinds between two transactions the one that says most: it is the first of `order` that there is. */
  edge(from: number, to: number, order: readonly EdgeKind[]): Edge | undefined {
    const kinds = this.after[from]?.get(to);
    const kind = order.find((candidate) => kinds?.has(candidate));
    const [a, b] = [this.transactions[from]?.id, this.transactions[to]?.id];
    if (kind === undefined || a === undefined || b === undefined) return undefined;
    const key = kinds?.get(kind);
    return key === undefined ? { from: a, to: b, kind } : { from: a, to: b, kind, key };
  }
}

export interface EdgeOptions {
  readonly realTime?: boolean;
  readonly programOrder?: boolean;
}

export function dependencies(history: readonly HistoryTransaction[], order: VersionOrder, options: EdgeOptions = {}): DependencyGraph {
  const seen = new Set<HistoryTransaction>();
  for (const [key, list] of order.lists) for (const value of list) seen.add(order.writerOf(key, value) as HistoryTransaction);
  // an unknown transaction was committed if anything of it was seen
  const graph = new DependencyGraph(
    history.filter((transaction) => transaction.status === 'ok' || (transaction.status === 'unknown' && seen.has(transaction))),
  );
  addWrites(graph, order);
  addReads(graph, order);
  if (options.realTime === true) addRealTime(graph);
  if (options.programOrder === true) addProgramOrder(graph);
  return graph;
}

function addWrites(graph: DependencyGraph, order: VersionOrder): void {
  for (const [key, list] of order.lists) {
    if (order.unordered.has(key)) continue;
    for (let i = 1; i < list.length; i++) graph.add(order.writerOf(key, list[i - 1] as Element), order.writerOf(key, list[i] as Element), 'ww', key);
  }
}

function addReads(graph: DependencyGraph, order: VersionOrder): void {
  for (const transaction of graph.transactions) {
    if (transaction.status !== 'ok') continue;
    for (const read of transaction.operations) {
      if (read.kind !== 'read' || order.unordered.has(read.key)) continue;
      const list = order.lists.get(read.key) ?? [];
      const last = read.values.findLast((value) => order.writerOf(read.key, value) !== transaction);
      const following = list[read.values.length];
      if (last !== undefined) graph.add(order.writerOf(read.key, last), transaction, 'wr', read.key);
      if (following !== undefined) graph.add(transaction, order.writerOf(read.key, following), 'rw', read.key);
    }
  }
}

/** The fewest edges from which all "ended before the other began" follow: only from those that ended last. */
function addRealTime(graph: DependencyGraph): void {
  const timed = graph.transactions.filter((transaction) => transaction.begin !== undefined);
  const events = timed.flatMap((transaction) => [
    { at: transaction.begin ?? 0, end: false, transaction },
    // one whose answer was lost may have taken effect at any later time
    ...(transaction.status === 'ok' && transaction.end !== undefined ? [{ at: transaction.end, end: true, transaction }] : []),
  ]);
  // at one instant, beginnings first: such a pair counts as simultaneous
  events.sort((a, b) => a.at - b.at || Number(a.end) - Number(b.end));
  const frontier = new Set<HistoryTransaction>();
  for (const { end, transaction } of events) {
    if (!end) {
      for (const earlier of frontier) graph.add(earlier, transaction, 'rt');
      continue;
    }
    for (const earlier of frontier) if ((earlier.end ?? 0) < (transaction.begin ?? 0)) frontier.delete(earlier);
    frontier.add(transaction);
  }
}

function addProgramOrder(graph: DependencyGraph): void {
  const workflows = new Map<string, HistoryTransaction[]>();
  for (const transaction of graph.transactions) {
    const id = transaction.source?.workflowId;
    if (id !== undefined) workflows.set(id, [...(workflows.get(id) ?? []), transaction]);
  }
  for (const steps of workflows.values()) {
    for (const a of steps) for (const b of steps) if (compareSteps(a.source?.stepId ?? '', b.source?.stepId ?? '') < 0) graph.add(a, b, 'po');
  }
}
