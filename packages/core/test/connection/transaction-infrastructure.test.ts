import { classify, isInfrastructure, UserTransaction, type Connection, type FlightPoint } from '@apiary/core/internal';
import { db, sql } from '@apiary/core';
import { executes, killBackend, TcpProxy, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import pg from 'pg';
import { accounts, record, spend } from '../support/accounts.js';
import { bench, inside, lent, rejected, serializable, transact } from '../support/connections.js';

describe('a transaction of user code whose infrastructure fails', () => {
  const bank = accounts();

  it('a serialization failure caught in a savepoint decides', async () => {
    const error = await rejected(
      transact(
        bank.connections,
        async () => {
          await sql`select balance from account where id = 1`;
          await bank.admin.query('update account set balance = 50 where id = 1');
          await db.transaction(async (trx) => trx('account').where({ id: 1 }).update({ balance: 60 })).catch(() => {});
          await sql`update account set balance = 0 where id = 2`;
        },
        { rows: [record(bank.next)] },
      ),
    );
    expect([error.code, isInfrastructure(error)]).deep.equal(['40001', true]);
    expect([await bank.balance(1), await bank.balance(2), await bank.records()]).deep.equal([50, 100, 0]);
  });

  it('the first infrastructure error decides, not what came of swallowing it', async () => {
    const error = await rejected(
      transact(bank.connections, async () => {
        await sql`select balance from account where id = 1`;
        await bank.admin.query('update account set balance = 50 where id = 1');
        await sql`update account set balance = 60 where id = 1`.catch(() => {});
        await sql`select 1`;
      }),
    );
    expect(error.code).equal('40001');
  });

  describe('whose backend is killed', () => {
    const phases: Readonly<Record<string, (kill: (c: Connection) => Promise<unknown>) => Promise<Error>>> = {
      'before its first statement': (kill) =>
        rejected(
          transact(
            bank.connections,
            async ({ connection }) => {
              await kill(connection);
              await spend();
            },
            { rows: [record(bank.next)] },
          ),
        ),
      'between statements': (kill) =>
        rejected(
          transact(
            bank.connections,
            async ({ connection }) => {
              await spend();
              await kill(connection);
              await spend();
            },
            { rows: [record(bank.next)] },
          ),
        ),
      'during a statement': (kill) =>
        rejected(
          transact(
            bank.connections,
            async ({ connection }) => {
              await spend();
              const slow = sql`select pg_sleep(60)`.then(
                () => {},
                (error: unknown) => error as Error,
              );
              await until(
                'it sleeps',
                async () => (await bank.admin.query(`select from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'`, [connection.pid])).rowCount === 1,
              );
              await kill(connection);
              throw (await slow) as Error;
            },
            { rows: [record(bank.next)] },
          ),
        ),
      'during a statement whose error is swallowed': (kill) =>
        rejected(
          transact(
            bank.connections,
            async ({ connection }) => {
              await spend();
              const slow = sql`select pg_sleep(60)`.catch(() => {});
              await until(
                'it sleeps',
                async () => (await bank.admin.query(`select from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'`, [connection.pid])).rowCount === 1,
              );
              await kill(connection);
              await slow;
            },
            { rows: [record(bank.next)] },
          ),
        ),
      'before its final flight': (kill) =>
        rejected(
          transact(
            bank.connections,
            async () => {
              await spend();
            },
            { rows: [record(bank.next)], sealed: (t) => kill(t.connection) },
          ),
        ),
    };
    for (const [when, code] of Object.entries(phases)) {
      it(`${when}: a lost connection that carries its pid, and nothing happened`, async () => {
        let pid = 0;
        const error = await code(async (connection) => {
          pid = connection.pid;
          expect(await killBackend(bank.admin, pid), 'the fault happened').equal(true);
        });
        expect([classify(error), (error as { pid?: number }).pid]).deep.equal(['connection', pid]);
        await bank.untouched();
      });
    }

    it('in its final flight: lost, with neither effect nor record when it was killed before COMMIT', async () => {
      const holder = new pg.Client({ connectionString: bank.database.connectionString });
      await holder.connect();
      await holder.query('begin');
      await holder.query('lock table record in access exclusive mode');
      const running = rejected(
        transact(
          bank.connections,
          async () => {
            await spend();
          },
          { rows: [record(bank.next)] },
        ),
      );
      const pid = await until(
        'the flight waits for the lock',
        async () =>
          (await bank.admin.query<{ pid: number }>(`select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)).rows[0]
            ?.pid,
      );
      expect(await killBackend(bank.admin, pid)).equal(true);
      await holder.end();
      expect(classify(await running)).equal('connection');
      await bank.untouched();
    });
  });

  it('a time-out cancels the statement under way from the system pool, and the connection goes on', async () => {
    await lent(bank.connections, async (connection) => {
      const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      const slow = inside(transaction, async () => {
        await spend();
        await sql`select pg_sleep(60)`;
      });
      await until(
        'it sleeps',
        async () => (await bank.admin.query(`select from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'`, [connection.pid])).rowCount === 1,
      );
      const failure = rejected(slow);
      await transaction.cancel();
      expect((await failure).code).equal('57014');
      await transaction.rollback();
      expect([connection.lost, connection.status]).deep.equal([false, 'I']);
      expect((await connection.fly([{ text: 'select 1 as n' }]))[0]?.rows).deep.equal([{ n: 1 }]);
    });
    await bank.untouched();
  });

  it('a cancel that reaches the server before its statement is repeated', async () => {
    const target = new URL(bank.database.connectionString);
    await using proxy = await TcpProxy.start({ target: { host: target.hostname, port: Number(target.port) } });
    let cancels = 0;
    await using other = await bench({
      database: proxy.connectionString(target.href),
      probe: (point, detail) => {
        if (point === 'flight:answered' && (detail as FlightPoint).statements.some((s) => s.text.includes('pg_cancel_backend'))) cancels++;
      },
    });
    await lent(other.connections, async (connection) => {
      const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      const late = proxy.add({ on: 'request', is: executes(/pg_sleep/), fault: { kind: 'hold request' } });
      const slow = inside(transaction, () =>
        sql`select pg_sleep(60)`.then(
          () => 'slept',
          (error: { code?: string }) => error.code,
        ),
      );
      await late.hit;
      const rolledBack = transaction.rollback();
      await until('a cancel was sent in vain', () => cancels > 1);
      late.release();
      await rolledBack;
      expect([await slow, connection.lost, connection.status]).deep.equal(['57014', false, 'I']);
    });
    await other.connections.close();
  });

  it('a rollback does not wait for a statement that nobody waits for', async () => {
    await lent(bank.connections, async (connection) => {
      const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      const slow = inside(transaction, () =>
        sql`select pg_sleep(60)`.then(
          () => 'slept',
          (error: { code: string }) => error.code,
        ),
      );
      await transaction.rollback();
      expect([await slow, connection.status]).deep.equal(['57014', 'I']);
    });
  });

  it('a write refused by a server that became read-only is infrastructure, and the connection does not come back', async () => {
    await bank.admin.query(`alter database ${bank.database.name} set default_transaction_read_only = on`);
    await bank.connections.renew();
    try {
      await lent(bank.connections, async (connection) => {
        const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
        await rejected(Promise.resolve(inside(transaction, () => spend())));
        expect(isInfrastructure(transaction.problem())).equal(true);
        await transaction.rollback();
        expect(connection.lost).equal(true);
      });
    } finally {
      await bank.admin.query('set transaction read write').catch(() => {});
      await bank.admin.query(`set default_transaction_read_only = off`);
      await bank.admin.query(`alter database ${bank.database.name} reset default_transaction_read_only`);
      await bank.connections.renew();
    }
    const readOnly = await rejected(transact(bank.connections, () => spend(), { begin: [{ text: 'begin read only' }] }));
    expect([readOnly.code, isInfrastructure(readOnly)]).deep.equal(['25006', false]);
  });
});
