import type { Anomaly } from './anomaly.js';
import type { Element } from './history.js';

/** All balances, read in one transaction. */
export interface BankRead {
  readonly id: Element;
  readonly balances: ReadonlyMap<Element, number>;
}

/** While money only moves, every read of all balances adds up to the same sum; without overdrafts none is below zero. */
export function checkBank(reads: readonly BankRead[], rules: { readonly total: number; readonly overdraft?: boolean }): readonly Anomaly[] {
  const found: Anomaly[] = [];
  for (const { id, balances } of reads) {
    const sum = [...balances.values()].reduce((total, balance) => total + balance, 0);
    if (sum !== rules.total) found.push({ kind: 'bank', transactions: [id], detail: `read ${String(id)} adds up to ${sum} instead of ${rules.total}` });
    if (rules.overdraft === true) continue;
    for (const [account, balance] of balances) {
      if (balance < 0)
        found.push({ kind: 'bank', key: account, transactions: [id], detail: `read ${String(id)} shows ${balance} on account ${String(account)}` });
    }
  }
  return found;
}
