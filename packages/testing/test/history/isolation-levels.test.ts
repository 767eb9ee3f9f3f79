import { checkHistory, runListAppend, type ListAppendOptions } from '@apiary/testing/internal';
import { expect } from 'chai';
import type pg from 'pg';
import { connect, freshDatabase } from '../faults/support/server.js';
import { kinds } from './support.js';

describe('the history checker tells the isolation levels of PostgreSQL apart', () => {
  const seed = 20260801;
  const smallest = 300;
  const largest = 5000;
  let clients: pg.Client[];
  let url: string;

  before(async () => {
    url = await freshDatabase();
  });
  beforeEach(async () => {
    clients = await Promise.all(Array.from({ length: 8 }, () => connect(url)));
  });

  /** Kinds found in a run; more transactions as long as none of the awaited ones shows. */
  async function find(isolation: ListAppendOptions['isolation'], awaited: readonly string[]): Promise<string[]> {
    for (let transactions = smallest; ; transactions *= 2) {
      const { history, final } = await runListAppend({ clients, isolation, transactions, seed: seed + transactions, table: 'lists' });
      expect(history).to.have.length(transactions);
      expect(history.filter(({ status }) => status === 'ok').length).to.be.greaterThan(transactions / 10);
      const found = kinds(checkHistory(history, { final, realTime: true }));
      if (awaited.length === 0 || awaited.some((kind) => found.includes(kind)) || transactions > largest) return found;
    }
  }

  it('read committed: G-single, or G2 at least', async () => {
    const found = await find('read committed', ['G-single', 'G2']);
    expect(found).to.satisfy((all: string[]) => all.includes('G-single') || all.includes('G2'));
    expect(found.filter((kind) => kind !== 'G-single' && kind !== 'G2')).to.deep.equal([]);
  });

  it('repeatable read: G2 and nothing else', async () => {
    expect(await find('repeatable read', ['G2'])).to.deep.equal(['G2']);
  });

  it('serializable: nothing', async () => {
    expect(await find('serializable', [])).to.deep.equal([]);
  });
});
