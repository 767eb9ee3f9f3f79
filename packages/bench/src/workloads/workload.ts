/** What one operation of a workload does, the same for every engine. */
export interface Workload {
  readonly name: string;
  /** One line for the report. */
  readonly text: string;
  /** Rows that one operation adds to `bench_ledger`: the coordinator counts them, so an engine that skips work is found out. */
  readonly ledgerRows: number;
  /** Workloads of `bench_account` and its neighbours, or one of the services. */
  readonly tables: 'bank' | 'shop' | 'hotel' | 'retwis';
}

const bank = (name: string, ledgerRows: number, text: string): Workload => ({ name, ledgerRows, text, tables: 'bank' });

export const WORKLOADS: readonly Workload[] = [
  bank('tx1', 1, 'a workflow of one transaction: update one account, insert one ledger row'),
  bank('order', 1, 'a workflow of four steps: read the stock, reserve (transaction), a no-op communicator, debit (transaction)'),
  bank('steps10', 0, 'a workflow of ten no-op communicators'),
  bank('empty', 0, 'a workflow without steps'),
  bank('children10', 10, 'a workflow with ten children in turn, each a workflow of one debit transaction'),
  { name: 'shop', ledgerRows: 0, tables: 'shop', text: '90 % search and add to cart, 8 % checkout, 1 % new item, 1 % new price' },
  { name: 'hotel', ledgerRows: 0, tables: 'hotel', text: '80 % search, 20 % reserve (check and book in one transaction, then a confirmation)' },
  { name: 'retwis', ledgerRows: 0, tables: 'retwis', text: '90 % timelines, 8 % posts, 2 % follows; 1 000 users who follow 50 each' },
];

/** @throws Error if there is none of that name. */
export function workload(name: string): Workload {
  const found = WORKLOADS.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`unknown workload "${name}"; there are ${WORKLOADS.map((known) => known.name).join(', ')}`);
  return found;
}
