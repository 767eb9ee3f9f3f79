import { classify, isInfrastructure, UserTransaction, type Connection, type FlightPoint, type Statement } from '@apiary/core/internal';
import { db, sql } from '@apiary/core';
import { executes, killBackend, TcpProxy, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import pg from 'pg';
import { bench, countWrites, inside, lent, readCommitted, rejected, serializable, transact, type Bench } from '../support/connections.js';

const record = (id: number) => ({ name: 'apiary_record', text: 'insert into record values ($1)', values: [id] });
const schema = `
  create table account (id int primary key, balance int not null check (balance >= 0));
  create table record (id int primary key);
  create table parent (id int primary key);
  create table child (id int, parent int references parent deferrable initially deferred);`;

describe('a transaction of user code', () => {
  let b: Bench;
  let next = 1;
  before(async () => {
    b = await bench({}, schema);
  });
  after(async () => b[Symbol.asyncDispose]());
  beforeEach(async () => {
    next++;
    await b.admin.query('truncate account, record, parent, child; insert into account values (1, 100), (2, 100)');
  });

  const balance = async (id = 1): Promise<number> =>
    (await b.admin.query<{ balance: number }>('select balance from account where id = $1', [id])).rows[0]?.balance ?? -1;
  const records = async (): Promise<number> => (await b.admin.query('select from record')).rowCount ?? -1;
  const untouched = async (): Promise<void> => {
    expect([await balance(), await records()], 'neither effect nor record').deep.equal([100, 0]);
    expect(b.connections.gauges.userLeased, 'connections on loan').equal(0);
  };
  const spend = (): PromiseLike<unknown> => sql`update account set balance = balance - 1 where id = 1`;

  it('writes three times for two statements: BEGIN with the first, the second, the rows with COMMIT', async () => {
    await lent(b.connections, async (connection) => {
      const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      const counter = countWrites(connection);
      await inside(transaction, async () => {
        await sql`update account set balance = balance - 1 where id = 1`;
        await db('account').where({ id: 2 }).decrement('balance', 1);
      });
      const results = await transaction.commit([record(next)]);
      expect(counter.writes).equal(3);
      expect(results.map((r) => [r.command, r.rowCount])).deep.equal([['INSERT', 1]]);
    });
    expect([await balance(1), await balance(2), await records()]).deep.equal([99, 99, 1]);
  });

  it('writes once for a batch, and once in all if nothing was sent before the rows', async () => {
    await lent(b.connections, async (connection) => {
      const counter = countWrites(connection);
      const first = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      const value = await inside(first, () =>
        sql.batch(sql`update account set balance = 7 where id = 1`, sql<{ balance: number }>`select balance from account where id = 1`.one()),
      );
      expect([counter.writes, value]).deep.equal([1, { balance: 7 }]);
      await first.commit([]);
      expect(counter.writes).equal(2);
      const second = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      await second.commit([record(next)]);
      expect([counter.writes, second.begun, await records()]).deep.equal([3, true, 1]);
      const third = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      await third.commitReadOnly();
      expect([counter.writes, third.begun]).deep.equal([3, false]);
    });
  });

  it('a swallowed SQL error rolls back and names the statement', async () => {
    const error = await rejected(
      transact(
        b.connections,
        async () => {
          await spend();
          await sql`insert into account values (1, 0)`.catch(() => {});
          return 'fine';
        },
        { rows: [record(next)] },
      ),
    );
    expect(error).include({ code: 'ROLLED_BACK' });
    expect(error.details).deep.equal({ statement: 'insert into account values (1, 0)' });
    await untouched();
  });

  it('an SQL error that was swallowed after `problem` was asked is found by the tag of COMMIT', async () => {
    await lent(b.connections, async (connection) => {
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
    await untouched();
  });

  it('an SQL error healed by a savepoint commits', async () => {
    await transact(
      b.connections,
      async () => {
        await spend();
        await db.transaction(async (trx) => trx('account').insert({ id: 1, balance: 0 })).catch(() => {});
        await sql`savepoint mine`;
        await sql`insert into account values (1, 0)`.catch(() => {});
        await sql`rollback to savepoint mine`;
        await spend();
      },
      { rows: [record(next)] },
    );
    expect([await balance(), await records()]).deep.equal([98, 1]);
  });

  it('200 runs with a query that was not awaited: none is lost silently', async () => {
    let floating = 0;
    for (let i = 0; i < 200; i++) {
      const error = await rejected(
        transact(
          b.connections,
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
    await untouched();
  });

  it('200 runs with a query that starts after the function has returned: it never reaches the server', async () => {
    let refused = 0;
    const late: Promise<void>[] = [];
    for (let i = 0; i < 200; i++) {
      await transact(
        b.connections,
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
    expect([refused, await records(), await balance()]).deep.equal([200, 200, 300]);
  }).timeout(60_000);

  it('a query that was created and never sent is found, and one inside another is not one', async () => {
    const error = await rejected(
      transact(
        b.connections,
        async () => {
          await spend();
          void sql`update account set balance = 0`.count();
        },
        { rows: [record(next)] },
      ),
    );
    expect(error).include({ code: 'FLOATING_QUERY' });
    expect(error.details).deep.equal({ statement: 'update account set balance = 0' });
    await untouched();
    await transact(b.connections, async () => {
      const rich = sql`balance > ${50}`;
      return sql`select from account where ${rich}`.count();
    });
  });

  it('a nested transaction that was not awaited or never ended is floating, and blocks nobody later', async () => {
    for (const code of [
      async () => void db.transaction(async (trx) => trx.raw('select pg_sleep(0.05)')).catch(() => {}),
      async () => void (await db.transaction()),
    ]) {
      const error = await rejected(transact(b.connections, code, { rows: [record(next)] }));
      expect(error.code).equal('FLOATING_QUERY');
    }
    await untouched();
    // The same connections again, each with a nested transaction of its own.
    for (let i = 0; i < 4; i++) await transact(b.connections, () => db.transaction(async (trx) => trx('account').where({ id: 2 }).increment('balance', 1)));
    expect(await balance(2)).equal(104);
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
      await lent(b.connections, async (connection) => {
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
    const error = await rejected(transact(b.connections, () => sql`select 1; commit; begin`, { rows: [record(next)] }));
    expect(error.code).equal('42601');
    await untouched();
  });

  it('a transaction that ended all the same is found by its status and its tags', async () => {
    for (const text of ['commit', 'commit and chain', 'rollback and chain']) {
      await lent(b.connections, async (connection) => {
        const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
        // Past the check of the text, as by a hole in it.
        transaction.connection.send([{ text }], () => {}, transaction);
        await until('it is over', () => !connection.busy);
        const error = await rejected(transaction.commit([record(next)]));
        expect(error.code, text).equal('FORBIDDEN_CALL');
      });
    }
    await untouched();
  });

  it('a serialization failure caught in a savepoint decides', async () => {
    const error = await rejected(
      transact(
        b.connections,
        async () => {
          await sql`select balance from account where id = 1`;
          await b.admin.query('update account set balance = 50 where id = 1');
          await db.transaction(async (trx) => trx('account').where({ id: 1 }).update({ balance: 60 })).catch(() => {});
          await sql`update account set balance = 0 where id = 2`;
        },
        { rows: [record(next)] },
      ),
    );
    expect([error.code, isInfrastructure(error)]).deep.equal(['40001', true]);
    expect([await balance(1), await balance(2), await records()]).deep.equal([50, 100, 0]);
  });

  it('the first infrastructure error decides, not what came of swallowing it', async () => {
    const error = await rejected(
      transact(b.connections, async () => {
        await sql`select balance from account where id = 1`;
        await b.admin.query('update account set balance = 50 where id = 1');
        await sql`update account set balance = 60 where id = 1`.catch(() => {});
        await sql`select 1`;
      }),
    );
    expect(error.code).equal('40001');
  });

  it('a failure at COMMIT is the error of the flight, and the session is clean', async () => {
    await lent(b.connections, async (connection) => {
      const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      await inside(transaction, () => sql`insert into child values (1, 77)`);
      const error = await rejected(transaction.commit([record(next)]));
      expect([error.code, classify(error), connection.status]).deep.equal(['23503', 'user', 'I']);
      const again = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      await inside(again, () => spend());
      await again.commit([record(next)]);
    });
    expect([await balance(), await records()]).deep.equal([99, 1]);
  });

  it('a row that exists already stops the flight before COMMIT, and the session gets a ROLLBACK of its own', async () => {
    await b.admin.query('insert into record values ($1)', [next]);
    await lent(b.connections, async (connection) => {
      const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      await inside(transaction, () => spend());
      const counter = countWrites(connection);
      const error = await rejected(transaction.commit([record(next)]));
      expect([classify(error), (error as { table?: string }).table, counter.writes, connection.status]).deep.equal(['unique', 'record', 2, 'I']);
    });
    expect(await balance()).equal(100);
  });

  it('write skew at COMMIT, after all statements succeeded, is a serialization failure', async () => {
    const one = await b.connections.acquireUser();
    const two = await b.connections.acquireUser();
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
    expect(await records()).equal(1);
  });

  it('a fence that is checked with BEGIN stops the first statement', async () => {
    await b.admin.query(`create function fence() returns int language plpgsql as $$ begin raise exception 'fenced' using errcode = 'APF01'; end $$`);
    const error = await rejected(transact(b.connections, () => spend(), { begin: [serializable, { text: 'select fence()' }], rows: [record(next)] }));
    expect(classify(error)).equal('fenced');
    await untouched();
    const unsent = await rejected(transact(b.connections, () => {}, { begin: [serializable, { text: 'select fence()' }], rows: [record(next)] }));
    expect(classify(unsent)).equal('fenced');
    await untouched();
  });

  for (const change of [
    'set synchronous_commit = off',
    'set local synchronous_commit = off',
    `select set_config('synchronous_commit', 'off', false)`,
    `update pg_settings set setting = 'off' where name = 'synchronous_commit'`,
  ])
    it(`synchronous_commit is on at COMMIT, of this transaction and of the next on its connection, after ${change}`, async () => {
      const durable = (n: number): Statement => ({ text: `insert into record select ${n} where current_setting('synchronous_commit') = 'on'` });
      const connection = await b.connections.acquireUser();
      const changing = new UserTransaction(connection, { begin: [serializable], label: 'changing' });
      await changing.query(change);
      const { rows } = await changing.query(`select current_setting('synchronous_commit') as now`);
      expect(rows).deep.equal([{ now: 'off' }]);
      await changing.commit([durable(1)]);
      await new UserTransaction(connection, { begin: [serializable], label: 'next' }).commit([durable(2)]);
      connection.release();
      expect(await records()).equal(2);
    });

  describe('whose backend is killed', () => {
    const phases: Readonly<Record<string, (kill: (c: Connection) => Promise<unknown>) => Promise<Error>>> = {
      'before its first statement': (kill) =>
        rejected(
          transact(
            b.connections,
            async ({ connection }) => {
              await kill(connection);
              await spend();
            },
            { rows: [record(next)] },
          ),
        ),
      'between statements': (kill) =>
        rejected(
          transact(
            b.connections,
            async ({ connection }) => {
              await spend();
              await kill(connection);
              await spend();
            },
            { rows: [record(next)] },
          ),
        ),
      'during a statement': (kill) =>
        rejected(
          transact(
            b.connections,
            async ({ connection }) => {
              await spend();
              const slow = sql`select pg_sleep(60)`.then(
                () => {},
                (error: unknown) => error as Error,
              );
              await until(
                'it sleeps',
                async () => (await b.admin.query(`select from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'`, [connection.pid])).rowCount === 1,
              );
              await kill(connection);
              throw (await slow) as Error;
            },
            { rows: [record(next)] },
          ),
        ),
      'during a statement whose error is swallowed': (kill) =>
        rejected(
          transact(
            b.connections,
            async ({ connection }) => {
              await spend();
              const slow = sql`select pg_sleep(60)`.catch(() => {});
              await until(
                'it sleeps',
                async () => (await b.admin.query(`select from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'`, [connection.pid])).rowCount === 1,
              );
              await kill(connection);
              await slow;
            },
            { rows: [record(next)] },
          ),
        ),
      'before its final flight': (kill) =>
        rejected(
          transact(
            b.connections,
            async () => {
              await spend();
            },
            { rows: [record(next)], sealed: (t) => kill(t.connection) },
          ),
        ),
    };
    for (const [when, code] of Object.entries(phases)) {
      it(`${when}: a lost connection that carries its pid, and nothing happened`, async () => {
        let pid = 0;
        const error = await code(async (connection) => {
          pid = connection.pid;
          expect(await killBackend(b.admin, pid), 'the fault happened').equal(true);
        });
        expect([classify(error), (error as { pid?: number }).pid]).deep.equal(['connection', pid]);
        await untouched();
      });
    }

    it('in its final flight: lost, with neither effect nor record when it was killed before COMMIT', async () => {
      const holder = new pg.Client({ connectionString: b.database.connectionString });
      await holder.connect();
      await holder.query('begin');
      await holder.query('lock table record in access exclusive mode');
      const running = rejected(
        transact(
          b.connections,
          async () => {
            await spend();
          },
          { rows: [record(next)] },
        ),
      );
      const pid = await until(
        'the flight waits for the lock',
        async () =>
          (await b.admin.query<{ pid: number }>(`select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)).rows[0]
            ?.pid,
      );
      expect(await killBackend(b.admin, pid)).equal(true);
      await holder.end();
      expect(classify(await running)).equal('connection');
      await untouched();
    });
  });

  it('a time-out cancels the statement under way from the system pool, and the connection goes on', async () => {
    await lent(b.connections, async (connection) => {
      const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
      const slow = inside(transaction, async () => {
        await spend();
        await sql`select pg_sleep(60)`;
      });
      await until(
        'it sleeps',
        async () => (await b.admin.query(`select from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'`, [connection.pid])).rowCount === 1,
      );
      const failure = rejected(slow);
      await transaction.cancel();
      expect((await failure).code).equal('57014');
      await transaction.rollback();
      expect([connection.lost, connection.status]).deep.equal([false, 'I']);
      expect((await connection.fly([{ text: 'select 1 as n' }]))[0]?.rows).deep.equal([{ n: 1 }]);
    });
    await untouched();
  });

  it('a cancel that reaches the server before its statement is repeated', async () => {
    const target = new URL(b.database.connectionString);
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
    await lent(b.connections, async (connection) => {
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
    await b.admin.query(`alter database ${b.database.name} set default_transaction_read_only = on`);
    await b.connections.renew();
    try {
      await lent(b.connections, async (connection) => {
        const transaction = new UserTransaction(connection, { begin: [serializable], label: 'T' });
        await rejected(Promise.resolve(inside(transaction, () => spend())));
        expect(isInfrastructure(transaction.problem())).equal(true);
        await transaction.rollback();
        expect(connection.lost).equal(true);
      });
    } finally {
      await b.admin.query('set transaction read write').catch(() => {});
      await b.admin.query(`set default_transaction_read_only = off`);
      await b.admin.query(`alter database ${b.database.name} reset default_transaction_read_only`);
      await b.connections.renew();
    }
    const readOnly = await rejected(transact(b.connections, () => spend(), { begin: [{ text: 'begin read only' }] }));
    expect([readOnly.code, isInfrastructure(readOnly)]).deep.equal(['25006', false]);
  });
});
