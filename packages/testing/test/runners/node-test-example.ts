import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestApp } from '@apiary/testing';
import { Counter, migrations } from './counter.js';

for (const by of [1, 2]) {
  test(`counts from nothing in each test: ${by}`, async () => {
    await using app = await createTestApp({ services: [Counter], migrations });
    assert.equal(await app.get(Counter).addTwice('visits', by), 2 * by);
  });
}
