import { createTestApp } from '@apiary/testing';
import { expect, it } from '@jest/globals';
import { Counter, migrations } from '../counter.js';

it('fails, and leaves nothing', async () => {
  await using app = await createTestApp({ services: [Counter], migrations });
  process.stdout.write(`database ${new URL(app.connectionString).pathname.slice(1)}\n`);
  expect(await app.get(Counter).addTwice('visits', 1)).toBe(3);
});
