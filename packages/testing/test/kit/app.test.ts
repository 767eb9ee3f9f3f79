import { createTestApp } from '@apiary/testing';
import { testServer, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import pg from 'pg';
import { migrations, Shop } from './services.js';
import { balances, shop } from './support.js';

async function existing(names: readonly string[]): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: await testServer() });
  await client.connect();
  try {
    const { rows } = await client.query<{ datname: string }>('select datname from pg_database where datname = any($1)', [names]);
    return rows.map((row) => row.datname);
  } finally {
    await client.end();
  }
}

function nameOf(connectionString: string): string {
  return new URL(connectionString).pathname.slice(1);
}

describe('createTestApp', () => {
  it('gives each app a database of its own, with the tables of the migrations and empty', async () => {
    await using first = await shop();
    await first.get(Shop).buy('a', 'b', 4);
    await using second = await shop();
    expect(first.connectionString).not.to.equal(second.connectionString);
    expect(await balances(first)).to.deep.equal([6, 4]);
    expect(await balances(second)).to.deep.equal([10, 0]);
    expect((await second.list()).items).to.deep.equal([]);
  });

  it('runs the migrations once, however many apps are made of them, side by side too', async () => {
    let runs = 0;
    const counted = async (knex: Parameters<typeof migrations>[0]): Promise<void> => {
      runs++;
      await knex.schema.createTable('counted', (t) => {
        t.increments('id');
      });
    };
    const apps = await Promise.all(Array.from({ length: 3 }, () => createTestApp({ services: [Shop], migrations: counted })));
    const counts = await Promise.all(apps.map((app) => app.knex('counted').count<{ count: string }[]>('* as count')));
    await Promise.all(apps.map((app) => app[Symbol.asyncDispose]()));
    expect(counts).to.deep.equal(Array.from({ length: 3 }, () => [{ count: '0' }]));
    expect(runs).to.equal(1);
  });

  it('drops the database at disposal, also when the test failed', async () => {
    let name = '';
    const failure = await (async () => {
      await using app = await shop();
      name = nameOf(app.connectionString);
      expect(await existing([name])).to.deep.equal([name]);
      throw new Error('the test failed');
    })().catch((error: unknown) => error);
    expect(failure).to.be.an('error').with.property('message', 'the test failed');
    await until('the database is gone', async () => (await existing([name])).length === 0);
  });

  it('drops the database when the launch is refused', async () => {
    const error = await createTestApp({
      services: [Shop],
      migrations: async () => {
        throw new Error('no such table');
      },
    }).catch((e: unknown) => e);
    expect(error).to.be.an('error').with.property('message').that.includes('no such table');
    // The failed template is forgotten: the next try runs the migrations again.
    const again = await createTestApp({
      services: [Shop],
      migrations: async () => {
        throw new Error('no such table');
      },
    }).catch((e: unknown) => e);
    expect(again).to.be.an('error').with.property('message').that.includes('no such table');
  });

  it('refuses a database of the caller', async () => {
    const error = await createTestApp({ services: [Shop], database: 'postgres://x' } as never).catch((e: unknown) => e);
    expect(error).to.have.property('code', 'CONFIG');
  });
});
