import { createTestApp, type TestApp } from '@apiary/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Counter, migrations } from '../counter.js';

describe('Counter', () => {
  let app: TestApp;
  beforeEach(async () => {
    app = await createTestApp({ services: [Counter], migrations });
  });
  afterEach(() => app[Symbol.asyncDispose]());

  for (const by of [1, 2]) {
    it(`counts from nothing in each test: ${by}`, async () => {
      expect(await app.get(Counter).addTwice('visits', by)).toBe(2 * by);
    });
  }

  it('survives a crash', async () => {
    app.crashAt(Counter, 'add', 'after record');
    const counted = await app.start(Counter).addTwice('visits', 5);
    await app.recover();
    expect(await counted.result()).toBe(10);
  });
});
