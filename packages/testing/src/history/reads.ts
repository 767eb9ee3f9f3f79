import type { Anomaly } from './anomaly.js';
import type { Element, HistoryTransaction, Read } from './history.js';
import type { VersionOrder } from './version-order.js';

/** What a single read can be wrong about: it saw what never was committed (G1a, G1b), or not what its own transaction did. */
export function checkReads(history: readonly HistoryTransaction[], order: VersionOrder): Anomaly[] {
  return history.filter(({ status }) => status === 'ok').flatMap((transaction) => [...checkOwn(transaction), ...checkForeign(transaction, order)]);
}

function checkForeign(transaction: HistoryTransaction, order: VersionOrder): Anomaly[] {
  const found: Anomaly[] = [];
  for (const read of transaction.operations) {
    if (read.kind !== 'read') continue;
    for (const value of read.values) {
      const writer = order.writerOf(read.key, value);
      if (writer?.status !== 'fail' || writer === transaction) continue;
      found.push({
        kind: 'G1a',
        key: read.key,
        transactions: [transaction.id, writer.id],
        detail: `transaction ${transaction.id} read ${String(value)} of the failed transaction ${writer.id}`,
      });
    }
    const intermediate = intermediateWriter(read, transaction, order);
    if (intermediate === undefined) continue;
    const detail = `transaction ${transaction.id} read ${String(read.key)} in the middle of transaction ${intermediate.id}`;
    found.push({ kind: 'G1b', key: read.key, transactions: [transaction.id, intermediate.id], detail });
  }
  return found;
}

/** The transaction of which the read shows some appends and not the last one. */
function intermediateWriter(read: Read, reader: HistoryTransaction, order: VersionOrder): HistoryTransaction | undefined {
  // What the reader itself appended comes after what it read from others.
  const foreign = read.values.filter((value) => order.writerOf(read.key, value) !== reader);
  const last = foreign.at(-1);
  const writer = last === undefined ? undefined : order.writerOf(read.key, last);
  const final = writer?.operations.filter((operation) => operation.kind === 'append' && operation.key === read.key).at(-1);
  return final?.kind === 'append' && final.value !== last ? writer : undefined;
}

/** A transaction sees its own appends at the end of the list. Whether the list before them may grow is for the isolation level, so for cycles. */
function checkOwn(transaction: HistoryTransaction): Anomaly[] {
  const own = new Map<Element, Element[]>();
  const found: Anomaly[] = [];
  for (const operation of transaction.operations) {
    if (operation.kind === 'append') {
      own.set(operation.key, [...(own.get(operation.key) ?? []), operation.value]);
      continue;
    }
    const appended = own.get(operation.key) ?? [];
    const tail = appended.length === 0 ? [] : operation.values.slice(-appended.length);
    if (appended.every((value, i) => value === tail[i])) continue;
    const seen = operation.values.join(', ') || 'nothing';
    const detail = `transaction ${transaction.id} appended ${appended.join(', ')} to ${String(operation.key)} and then read ${seen}`;
    found.push({ kind: 'internal', key: operation.key, transactions: [transaction.id], detail });
  }
  return found;
}
