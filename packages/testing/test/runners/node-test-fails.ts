import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestApp } from '@apiary/testing';
import { Counter, migrations } from './counter.js';

test('fails, and leaves nothing', async () => {
  await using app = await createTestApp({ services: [Counter], migrations });
  process.stdout.write(`database ${new URL(app.connectionString).pathname.slice(1)}\n`);
  assert.equal(await app.get(Counter).addTwice('visits', 1), 3);
});
