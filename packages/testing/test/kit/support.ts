import { createTestApp, mock, type Mocked, type TestApp, type TestConfig } from '@apiary/testing';
import { migrations, Mailer, Shop } from './services.js';

/** A shop with two accounts: `a` has 10, `b` nothing. */
export async function shop(more: Partial<TestConfig> = {}, mocks: readonly Mocked[] = [mock(Mailer).receipt.returns('sent')]): Promise<TestApp> {
  const app = await createTestApp({ services: [Shop], migrations, mocks, version: 'test', ...more } as TestConfig);
  await app.knex('account').insert([
    { id: 'a', balance: 10 },
    { id: 'b', balance: 0 },
  ]);
  return app;
}

export async function balances(app: TestApp): Promise<unknown> {
  return app.knex('account').orderBy('id').pluck('balance');
}
