import { classify, UserTransaction, type Connection, type Statement } from '@apiary/core/internal';
import { db, sql } from '@apiary/core';
import { killBackend, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { accounts, record } from '../support/accounts.js';
import { countWrites, inside, lent, rejected, serializable, transact } from '../support/connections.js';

const lock: Statement = { text: 'select pg_advisory_xact_lock(23)' };
const wait = (): PromiseLike<unknown> => sql`select pg_advisory_xact_lock(23)`;
const take = (account: number, amount: number): PromiseLike<number> => sql`update account set balance = balance - ${amount} where id = ${account}`.count();
/** A check of the table refuses it. */
const overdraw = (): PromiseLike<number> => take(1, 1000);

describe('statements of a transaction that are sent together', () => {
  const bank = accounts();

  /** On a connection that has the statements prepared, with `wait` kept waiting until it is released. */
  async function held(body: (transaction: UserTransaction, connection: Connection, release: () => Promise<void>) => Promise<void>): Promise<void> {
    const other = await bank.connections.dedicated('system');
    await lent(bank.connections, async (connection) => {
      const rehearsal = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      await inside(rehearsal, async () => {
        await wait();
        await take(1, 1);
        for (let i = 0; i < 2; i++) await db('account').where({ id: 2 }).decrement('balance', 1);
      });
      await rehearsal.rollback();
      await other.fly([{ text: 'begin' }, lock]);
      const release = async (): Promise<void> => void (await other.fly([{ text: 'rollback' }]));
      try {
        await body(new UserTransaction(connection, { begin: [serializable], label: 'T' }), connection, release);
      } finally {
        await release();
        other.release();
      }
    });
  }
  const isWaiting = (connection: Connection): Promise<unknown> =>
    until('it waits for the lock', async () => {
      const { rowCount } = await bank.admin.query(`select from pg_locks where pid = $1 and locktype = 'advisory' and not granted`, [connection.pid]);
      return rowCount === 1;
    });

  it('do not wait for the answers to each other, through sql and through Knex, and take effect in their order', async () => {
    await held(async (transaction, connection, release) => {
      const counter = countWrites(connection);
      const together = inside(transaction, () =>
        Promise.all([
          wait(),
          take(1, 1),
          db('account').where({ id: 2 }).decrement('balance', 1),
          take(1, 10),
          sql`select balance from account where id = 1`.one(),
        ]),
      );
      await isWaiting(connection);
      expect(counter.writes, 'all but the last, which is prepared first: nothing would go behind that one').equal(5);
      await release();
      expect(await together).deep.equal([[{ pg_advisory_xact_lock: '' }], 1, 1, 1, { balance: 89 }]);
      await transaction.commit([record(bank.next)]);
      expect(counter.writes).equal(6);
    });
    expect([await bank.balance(1), await bank.balance(2), await bank.records()]).deep.equal([89, 99, 1]);
  });

  it('wait where one before them is prepared for the first time: its name may come to nothing', async () => {
    await held(async (transaction, connection, release) => {
      const counter = countWrites(connection);
      const together = inside(transaction, () => Promise.all([wait(), sql`update account set balance = 5 where id = 2`, take(1, 1)]));
      await isWaiting(connection);
      expect(counter.writes).equal(2);
      await release();
      await together;
      expect(counter.writes).equal(3);
      await transaction.rollback();
    });
  });

  it('wait for what the connection does for others, since BEGIN goes with the first', async () => {
    await held(async (transaction, connection) => {
      const counter = countWrites(connection);
      const others: Statement = { text: 'select pg_sleep(0.01)', name: 'others' };
      await connection.fly([others]);
      const before = connection.fly([others]);
      const together = inside(transaction, () => Promise.all([take(1, 1), take(2, 1)]));
      expect([counter.writes, transaction.begun]).deep.equal([2, false]);
      await Promise.all([before, together]);
      expect([counter.writes, transaction.begun, connection.status]).deep.equal([4, true, 'T']);
      await transaction.rollback();
    });
    await bank.untouched();
  });

  it('fail with the first of them that fails; the transaction leaves nothing', async () => {
    await held(async (transaction, _connection, release) => {
      const outcomes = inside(transaction, () => Promise.allSettled([wait(), overdraw(), take(1, 1), take(2, 1)]));
      await release();
      const codes = (await outcomes).map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as { code: string }).code : 'ok'));
      expect(codes).deep.equal(['ok', '23514', '25P02', '25P02']);
      expect(await rejected(transaction.commit([record(bank.next)]))).include({ code: 'ROLLED_BACK' });
    });
    await bank.untouched();
  });

  it('are healed together by a savepoint before them', async () => {
    await transact(
      bank.connections,
      async () => {
        await take(2, 1);
        for (let round = 0; round < 2; round++) {
          await sql`savepoint mine`;
          await Promise.allSettled([take(1, 1), overdraw(), take(2, 50)]);
          await sql`rollback to savepoint mine`;
        }
        await Promise.all([take(1, 2), take(2, 3)]);
      },
      { rows: [record(bank.next)] },
    );
    expect([await bank.balance(1), await bank.balance(2), await bank.records()]).deep.equal([98, 96, 1]);
  });

  it('are floating if one is not awaited: nothing is committed, though all of them have left', async () => {
    await held(async (transaction, connection, release) => {
      await inside(transaction, async () => {
        void Promise.allSettled([wait(), take(1, 1), take(2, 1)]);
        await isWaiting(connection);
      });
      expect(await rejected(transaction.commit([record(bank.next)]))).include({ code: 'FLOATING_QUERY' });
      expect([connection.status, connection.busy, connection.lost]).deep.equal(['I', false, false]);
      await release();
    });
    await bank.untouched();
  });

  it('are lost with the connection, all of them, and none is mistaken for an error of the code', async () => {
    await held(async (transaction, connection) => {
      const outcomes = inside(transaction, () => Promise.allSettled([wait(), take(1, 1), take(2, 1), sql`select 1 as new`]));
      await isWaiting(connection);
      await killBackend(bank.admin, connection.pid);
      for (const outcome of await outcomes) expect(outcome.status === 'rejected' && classify(outcome.reason)).equal('connection');
      expect(classify(await rejected(transaction.commit([record(bank.next)])))).equal('connection');
    }).catch((error: unknown) => expect(classify(error)).equal('connection'));
    await bank.untouched();
  });
});
