import { createTestApp } from '@apiary/testing';
import { describe, expect, it } from 'vitest';
import { Counter, migrations } from '../counter.js';

describe.concurrent('Counter', () => {
  for (const by of [1, 2, 3]) {
    it(`counts from nothing in each test: ${by}`, async () => {
      await using app = await createTestApp({ services: [Counter], migrations });
      expect(await app.get(Counter).addTwice('visits', by)).toBe(2 * by);
    });
  }
});
