import type { Operation } from '../../engine/engine.js';
import { uuid7 } from '../../engine/uuid7.js';
import { accountOf as account } from '../../workloads/bank.js';
import type { RawSteps } from './steps.js';

/** tx1, order, steps10, empty and children10 by hand. */
export function bank(steps: RawSteps): Readonly<Record<string, Operation>> {
  const debit = (id: string, step: number, account: number): Promise<number> =>
    steps.transaction(id, step, async (client) => {
      const [updated] = await steps.queries<{ balance: number }>(client, [
        { name: 'debit', text: 'update bench_account set balance = balance - 1 where id = $1 returning balance', values: [account] },
        { name: 'ledger', text: 'insert into bench_ledger (account, amount, ref) values ($1, $2, $3)', values: [account, -1, id] },
      ]);
      return updated?.rows[0]?.balance ?? Number.NaN;
    });
  const reserve = (id: string, step: number, item: number): Promise<number> =>
    steps.transaction(id, step, async (client) => {
      await client.query({ name: 'reserve', text: 'update bench_stock set qty = qty - 1 where id = $1', values: [item] });
      return 1;
    });
  const look = async (item: number): Promise<number> => {
    const [row] = await steps.read<{ qty: number }>({ name: 'look', text: 'select qty from bench_stock where id = $1', values: [item] });
    return row?.qty ?? 0;
  };
  const noop = (id: string, step: number): Promise<number> => steps.communicator(id, step, async () => 1);

  return {
    tx1: (draw) => debit(uuid7(), 0, account(draw)),
    order: async (draw) => {
      const id = uuid7();
      const quantity = await look(account(draw));
      await reserve(id, 0, account(draw));
      await noop(id, 1);
      await debit(id, 2, account(draw));
      return quantity;
    },
    steps10: async () => {
      const id = uuid7();
      for (let step = 0; step < 10; step++) await noop(id, step);
      return 10;
    },
    empty: () => noop(uuid7(), 0),
    children10: async (draw) => {
      const id = uuid7();
      for (let step = 0; step < 10; step++) await debit(id, step, account(draw + step));
      return 10;
    },
  };
}
