import { classify, isInfrastructure, UserTransaction, type Connection, type Statement } from '@apiary/core/internal';
import { db, sql } from '@apiary/core';
import { expect } from 'chai';
import { accounts, record, spend } from '../support/accounts.js';
import { countWrites, inside, lent, rejected, serializable, transact } from '../support/connections.js';

describe('a transaction of user code', () => {
  const bank = accounts();

  it('writes three times for two statements: BEGIN with the first, the second, the rows with COMMIT', async () => {
    await lent(bank.connections, async (connection) => {
      const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      const counter = countWrites(connection);
      await inside(transaction, async () => {
        await sql`update account set balance = balance - 1 where id = 1`;
        await db('account').where({ id: 2 }).decrement('balance', 1);
      });
      const results = await transaction.commit([record(bank.next)]);
      expect(counter.writes).equal(3);
      expect(results.map((r) => [r.command, r.rowCount])).deep.equal([['INSERT', 1]]);
    });
    expect([await bank.balance(1), await bank.balance(2), await bank.records()]).deep.equal([99, 99, 1]);
  });

  it('writes once for a batch, and once in all if nothing was sent before the rows', async () => {
    await lent(bank.connections, async (connection) => {
      const counter = countWrites(connection);
      const first = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      const value = await inside(first, () =>
        sql.batch(sql`update account set balance = 7 where id = 1`, sql<{ balance: number }>`select balance from account where id = 1`.one()),
      );
      expect([counter.writes, value]).deep.equal([1, { balance: 7 }]);
      await first.commit([]);
      expect(counter.writes).equal(2);
      const second = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      await second.commit([record(bank.next)]);
      expect([counter.writes, second.begun, await bank.records()]).deep.equal([3, true, 1]);
      const third = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      await third.commitReadOnly();
      expect([counter.writes, third.begun]).deep.equal([3, false]);
    });
  });

  it('an SQL error healed by a savepoint commits', async () => {
    await transact(
      bank.connections,
      async () => {
        await spend();
        await db.transaction(async (trx) => trx('account').insert({ id: 1, balance: 0 })).catch(() => {});
        await sql`savepoint mine`;
        await sql`insert into account values (1, 0)`.catch(() => {});
        await sql`rollback to savepoint mine`;
        await spend();
      },
      { rows: [record(bank.next)] },
    );
    expect([await bank.balance(), await bank.records()]).deep.equal([98, 1]);
  });

  it('a failure at COMMIT is the error of the flight, and the session is clean', async () => {
    await lent(bank.connections, async (connection) => {
      const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      await inside(transaction, () => sql`insert into child values (1, 77)`);
      const error = await rejected(transaction.commit([record(bank.next)]));
      expect([error.code, classify(error), connection.status]).deep.equal(['23503', 'user', 'I']);
      const again = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      await inside(again, () => spend());
      await again.commit([record(bank.next)]);
    });
    expect([await bank.balance(), await bank.records()]).deep.equal([99, 1]);
  });

  it('a row that exists already stops the flight before COMMIT, and the session gets a ROLLBACK of its own', async () => {
    await bank.admin.query('insert into record values ($1)', [bank.next]);
    await lent(bank.connections, async (connection) => {
      const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      await inside(transaction, () => spend());
      const counter = countWrites(connection);
      const error = await rejected(transaction.commit([record(bank.next)]));
      expect([classify(error), (error as { table?: string }).table, counter.writes, connection.status]).deep.equal(['unique', 'record', 2, 'I']);
    });
    expect(await bank.balance()).equal(100);
  });

  it('write skew at COMMIT, after all statements succeeded, is a serialization failure', async () => {
    const one = await bank.connections.acquireUser();
    const two = await bank.connections.acquireUser();
    const run = async (connection: Connection, read: number, write: number): Promise<UserTransaction> => {
      const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      await inside(transaction, async () => {
        await sql`select balance from account where id = ${read}`;
        await sql`update account set balance = 0 where id = ${write}`;
      });
      return transaction;
    };
    const [a, c] = [await run(one, 1, 2), await run(two, 2, 1)];
    await a.commit([record(1)]);
    const error = await rejected(c.commit([record(2)]));
    expect([error.code, isInfrastructure(error), two.status]).deep.equal(['40001', true, 'I']);
    one.release();
    two.release();
    expect(await bank.records()).equal(1);
  });

  it('a fence that is checked with BEGIN stops the first statement', async () => {
    await bank.admin.query(`create function fence() returns int language plpgsql as $$ begin raise exception 'fenced' using errcode = 'APF01'; end $$`);
    const error = await rejected(transact(bank.connections, () => spend(), { begin: [serializable, { text: 'select fence()' }], rows: [record(bank.next)] }));
    expect(classify(error)).equal('fenced');
    await bank.untouched();
    const unsent = await rejected(transact(bank.connections, () => {}, { begin: [serializable, { text: 'select fence()' }], rows: [record(bank.next)] }));
    expect(classify(unsent)).equal('fenced');
    await bank.untouched();
  });

  for (const change of [
    'set synchronous_commit = off',
    'set local synchronous_commit = off',
    `select set_config('synchronous_commit', 'off', false)`,
    `update pg_settings set setting = 'off' where name = 'synchronous_commit'`,
  ])
    it(`synchronous_commit is on at COMMIT, of this transaction and of the next on its connection, after ${change}`, async () => {
      const durable = (n: number): Statement => ({ text: `insert into record select ${n} where current_setting('synchronous_commit') = 'on'` });
      const connection = await bank.connections.acquireUser();
      const changing = new UserTransaction(connection, { begin: [serializable], label: 'changing' });
      await changing.query(change);
      const { rows } = await changing.query(`select current_setting('synchronous_commit') as now`);
      expect(rows).deep.equal([{ now: 'off' }]);
      await changing.commit([durable(1)]);
      await new UserTransaction(connection, { begin: [serializable], label: 'next' }).commit([durable(2)]);
      connection.release();
      expect(await bank.records()).equal(2);
    });
});
