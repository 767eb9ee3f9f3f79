/** Two accounts of 100, and a table in which a transaction leaves its record, for tests of transactions of user code. */
import { sql } from '@apiary/core';
import type { Connections, Statement } from '@apiary/core/internal';
import type { TestDatabase } from '@apiary/testing/internal';
import { expect } from 'chai';
import type pg from 'pg';
import { bench, type Bench } from './connections.js';

const schema = `
  create table account (id int primary key, balance int not null check (balance >= 0));
  create table record (id int primary key);
  create table parent (id int primary key);
  create table child (id int, parent int references parent deferrable initially deferred);`;

export const record = (id: number): Statement => ({ name: 'apiary_record', text: 'insert into record values ($1)', values: [id] });
/** In a transaction. */
export const spend = (): PromiseLike<unknown> => sql`update account set balance = balance - 1 where id = 1`;

class Accounts {
  bench: Bench | undefined;
  /** A number that no test before has had. */
  next = 1;

  get #bench(): Bench {
    if (this.bench === undefined) throw new Error('the tests of the suite have not begun');
    return this.bench;
  }
  get database(): TestDatabase {
    return this.#bench.database;
  }
  get connections(): Connections {
    return this.#bench.connections;
  }
  get admin(): pg.Client {
    return this.#bench.admin;
  }
  async balance(id = 1): Promise<number> {
    return (await this.admin.query<{ balance: number }>('select balance from account where id = $1', [id])).rows[0]?.balance ?? -1;
  }
  async records(): Promise<number> {
    return (await this.admin.query('select from record')).rowCount ?? -1;
  }
  async untouched(): Promise<void> {
    expect([await this.balance(), await this.records()], 'neither effect nor record').deep.equal([100, 0]);
    expect(this.connections.gauges.userLeased, 'connections on loan').equal(0);
  }
}

/** Those of the suite in whose body it is called: made before its tests, as new before each. */
export function accounts(): Accounts {
  const own = new Accounts();
  before(async () => {
    own.bench = await bench({}, schema);
  });
  after(() => own.bench?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    own.next++;
    await own.admin.query('truncate account, record, parent, child; insert into account values (1, 100), (2, 100)');
  });
  return own;
}
