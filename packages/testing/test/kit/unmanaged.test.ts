import {
  Communicator,
  db,
  idempotencyKey,
  now,
  Procedure,
  Service,
  signal,
  sleep,
  sql,
  start,
  Transaction,
  Workflow,
  workflowId,
  type Query,
} from '@apiary/core';
import { unmanaged } from '@apiary/testing';
import { expect } from 'chai';
import { Accounts, MailClient, Mailer, Shop } from './services.js';
import { balances, shop } from './support.js';

class NoAccounts extends Accounts {
  @Transaction()
  override async debit(_id: string, amount: number): Promise<number> {
    return 10 - amount;
  }
}

@Service()
class Plain {
  @Workflow()
  async everything(): Promise<readonly unknown[]> {
    await sleep('30 days');
    return [workflowId(), await this.step(), now() instanceof Date, signal().aborted];
  }
  @Communicator()
  async step(): Promise<string> {
    return idempotencyKey();
  }
  @Transaction()
  async count(): Promise<number> {
    await db('account').where({ id: 'a' }).increment('balance', 1);
    return (await sql<{ sum: number }>`select sum(balance)::int as sum from account`.one()).sum;
  }
  @Procedure()
  add(amount: number): Query<number> {
    return sql`update account set balance = balance + ${amount}`.count();
  }
}

describe('unmanaged', () => {
  it('runs methods as ordinary code, with all they call', async () => {
    expect(await unmanaged(new Shop(new NoAccounts(), new Mailer(new MailClient()))).buy('a', 'b', 4)).to.equal(6);
  });

  it('marks what the instance holds: an undecorated method of it may call a decorated one', async () => {
    class Desk {
      constructor(private readonly accounts: Accounts) {}
      async close(): Promise<number> {
        return this.accounts.debit('a', 3);
      }
    }
    expect(await unmanaged(new Desk(new NoAccounts())).close()).to.equal(7);
    expect(await new Desk(new NoAccounts()).close().catch((error: unknown) => error)).to.have.property('code', 'NOT_LAUNCHED');
  });

  it('sleeps at once and answers for the ambient functions', async () => {
    const [id, key, isDate, isAborted] = await unmanaged(new Plain()).everything();
    expect([id, key, isDate, isAborted]).to.deep.equal(['unmanaged', 'unmanaged-0', true, false]);
  });

  it('takes a Knex for db, sql and procedures; without one they are refused', async () => {
    await using app = await shop();
    const { knex } = app;
    expect(await unmanaged(new Plain(), { knex }).count()).to.equal(11);
    expect(await unmanaged(new Plain(), { knex }).add(5)).to.equal(2);
    expect(await balances(app)).to.deep.equal([16, 5]);
    expect(
      await unmanaged(new Plain())
        .count()
        .catch((error: unknown) => error),
    ).to.have.property('code', 'NO_TRANSACTION');
  });

  it('leaves other instances refused, and the ambient functions outside', async () => {
    unmanaged(new Plain());
    expect(await new Plain().step().catch((error: unknown) => error)).to.have.property('code', 'NOT_LAUNCHED');
    expect(() => workflowId())
      .to.throw()
      .with.property('code', 'NO_CONTEXT');
    expect(() => start(Plain))
      .to.throw()
      .with.property('code', 'NO_CONTEXT');
  });
});
