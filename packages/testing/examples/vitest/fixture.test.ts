import { createTestApp, type TestApp } from '@apiary/testing';
import { expect, test } from 'vitest';
import { Counter, migrations } from '../counter.js';

/** Each test that asks for it has an app of its own; it goes with the test, also when that fails. */
const it = test.extend<{ app: TestApp }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the names from the pattern
  app: async ({}, use) => {
    await using app = await createTestApp({ services: [Counter], migrations });
    await use(app);
  },
});

it('survives a crash', async ({ app }) => {
  app.crashAt(Counter, 'add', 'after record');
  const counted = await app.start(Counter).addTwice('visits', 5);
  await app.recover();
  expect(await counted.result()).toBe(10);
});
