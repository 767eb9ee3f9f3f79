import { UserTransaction } from '@apiary/core/internal';
import { db, sql } from '@apiary/core';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { accounts, record, spend } from '../support/accounts.js';
import { countWrites, inside, lent, readCommitted, rejected, serializable, transact } from '../support/connections.js';

describe('what user code cannot do to its transaction', () => {
  const bank = accounts();

  it('a swallowed SQL error rolls back and names the statement', async () => {
    const error = await rejected(
      transact(
        bank.connections,
        async () => {
          await spend();
          await sql`insert into account values (1, 0)`.catch(() => {});
          return 'fine';
        },
        { rows: [record(bank.next)] },
      ),
    );
    expect(error).include({ code: 'ROLLED_BACK' });
    expect(error.details).deep.equal({ statement: 'insert into account values (1, 0)' });
    await bank.untouched();
  });

  it('an SQL error that was swallowed after `problem` was asked is found by the tag of COMMIT', async () => {
    await lent(bank.connections, async (connection) => {
      const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      await inside(transaction, () => spend());
      transaction.seal();
      expect(transaction.problem()).equal(undefined);
      // Past all checks, as a server-side failure would be: the transaction is aborted when COMMIT arrives.
      await rejected(connection.fly([{ text: 'select 1 / 0' }]));
      connection.status = 'T';
      const error = await rejected(transaction.commit([]));
      expect(error.code).equal('ROLLED_BACK');
      expect(connection.status).equal('I');
    });
    await bank.untouched();
  });

  it('200 runs with a query that was not awaited: none is lost silently', async () => {
    let floating = 0;
    for (let i = 0; i < 200; i++) {
      const error = await rejected(
        transact(
          bank.connections,
          async () => {
            await spend();
            sql`insert into account values (1, 0)`.catch(() => {});
          },
          { begin: [readCommitted], rows: [record(i)] },
        ),
      );
      if (error.code === 'FLOATING_QUERY') floating++;
      expect((error.details as { statement: string }).statement).equal('insert into account values (1, 0)');
    }
    expect(floating).equal(200);
    await bank.untouched();
  });

  it('200 runs with a query that starts after the function has returned: it never reaches the server', async () => {
    let refused = 0;
    const late: Promise<void>[] = [];
    for (let i = 0; i < 200; i++) {
      await transact(
        bank.connections,
        async () => {
          await sql`update account set balance = balance + 1 where id = 1`;
          late.push(
            new Promise((resolve) =>
              setImmediate(() => {
                const statement = i % 2 === 0 ? sql`insert into account values (1, 0)` : db('account').insert({ id: 1, balance: 0 });
                statement
                  .then(
                    () => {},
                    (error: { code?: string }) => {
                      if (error.code === 'NO_TRANSACTION') refused++;
                    },
                  )
                  .then(resolve, resolve);
              }),
            ),
          );
        },
        { begin: [readCommitted], rows: [record(i)], ...(i % 4 < 2 ? { sealed: () => new Promise((resolve) => setImmediate(resolve)) } : {}) },
      );
    }
    await Promise.all(late);
    expect([refused, await bank.records(), await bank.balance()]).deep.equal([200, 200, 300]);
  }).timeout(60_000);

  it('a query that was created and never sent is found, and one inside another is not one', async () => {
    const error = await rejected(
      transact(
        bank.connections,
        async () => {
          await spend();
          void sql`update account set balance = 0`.count();
        },
        { rows: [record(bank.next)] },
      ),
    );
    expect(error).include({ code: 'FLOATING_QUERY' });
    expect(error.details).deep.equal({ statement: 'update account set balance = 0' });
    await bank.untouched();
    await transact(bank.connections, async () => {
      const rich = sql`balance > ${50}`;
      return sql`select from account where ${rich}`.count();
    });
  });

  it('a nested transaction that was not awaited or never ended is floating, and blocks nobody later', async () => {
    for (const code of [
      async () => void db.transaction(async (trx) => trx.raw('select pg_sleep(0.05)')).catch(() => {}),
      async () => void (await db.transaction()),
    ]) {
      const error = await rejected(transact(bank.connections, code, { rows: [record(bank.next)] }));
      expect(error.code).equal('FLOATING_QUERY');
    }
    await bank.untouched();
    // The same connections again, each with a nested transaction of its own.
    for (let i = 0; i < 4; i++) await transact(bank.connections, () => db.transaction(async (trx) => trx('account').where({ id: 2 }).increment('balance', 1)));
    expect(await bank.balance(2)).equal(104);
  });

  for (const text of [
    'commit',
    'COMMIT AND CHAIN',
    ' begin',
    'end',
    'abort',
    'rollback',
    'rollback and chain',
    'start transaction',
    `prepare transaction 'x'`,
    '/* a /* nested */ comment */ commit',
    '-- why\n  commit',
    ';;commit',
    'set transaction isolation level read committed',
    'set local transaction read write',
    'set session characteristics as transaction read only',
    'copy account from stdin',
    'copy account to stdout',
  ]) {
    it(`refuses ${JSON.stringify(text)} before it reaches the server`, async () => {
      await lent(bank.connections, async (connection) => {
        const counter = countWrites(connection);
        const transaction = new UserTransaction(connection, { begin: [serializable], label: 'Accounts.debit' });
        for (const send of [
          () => transaction.query(text),
          () => inside(transaction, () => Promise.resolve(db.raw(text))),
          () => transaction.batch([{ text: 'select 1' }, { text }]),
        ]) {
          const error = await rejected(send());
          expect(error.code).equal('FORBIDDEN_CALL');
          expect(error.message).include('Accounts.debit');
        }
        expect(counter.writes).equal(0);
        await transaction.rollback();
      });
    });
  }

  it('several statements in one message are impossible', async () => {
    const error = await rejected(transact(bank.connections, () => sql`select 1; commit; begin`, { rows: [record(bank.next)] }));
    expect(error.code).equal('42601');
    await bank.untouched();
  });

  it('a transaction that ended all the same is found by its status and its tags', async () => {
    for (const text of ['commit', 'commit and chain', 'rollback and chain']) {
      await lent(bank.connections, async (connection) => {
        const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
        // Past the check of the text, as by a hole in it.
        transaction.connection.send([{ text }], () => {}, transaction);
        await until('it is over', () => !connection.busy);
        const error = await rejected(transaction.commit([record(bank.next)]));
        expect(error.code, text).equal('FORBIDDEN_CALL');
      });
    }
    await bank.untouched();
  });
});
