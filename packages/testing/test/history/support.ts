import type { Anomaly, Element, HistoryTransaction, Operation } from '@apiary/testing/internal';

export const append = (key: Element, value: Element): Operation => ({ kind: 'append', key, value });
export const read = (key: Element, ...values: Element[]): Operation => ({ kind: 'read', key, values });

/** A committed transaction. */
export function committed(id: Element, ...operations: Operation[]): HistoryTransaction {
  return { id, status: 'ok', operations };
}

export function failed(id: Element, ...operations: Operation[]): HistoryTransaction {
  return { id, status: 'fail', operations };
}

export function unknown(id: Element, ...operations: Operation[]): HistoryTransaction {
  return { id, status: 'unknown', operations };
}

export function during(begin: number, end: number, transaction: HistoryTransaction): HistoryTransaction {
  return { ...transaction, begin, end };
}

/** A step's transaction. */
export function step(workflowId: string, stepId: string, transaction: HistoryTransaction): HistoryTransaction {
  return { ...transaction, source: { workflowId, stepId } };
}

export function kinds(anomalies: readonly Anomaly[]): string[] {
  return [...new Set(anomalies.map(({ kind }) => kind))].sort();
}
