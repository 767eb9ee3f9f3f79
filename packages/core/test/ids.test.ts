import { checkId, inputHash, newId } from '@apiary/core/internal';
import { isApiaryError } from '@apiary/decorators/internal';
import { loadValues } from '@apiary/testing/internal';
import { expect } from 'chai';

const { texts } = await loadValues();

describe('new ids', () => {
  it('are UUIDs of version 7 with the time in front', () => {
    const before = Date.now();
    const id = newId();
    expect(id).match(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Number.parseInt(id.slice(0, 13).replace('-', ''), 16)).within(before, Date.now() + 1000);
  });

  it('are all different, and each is greater than the one before', () => {
    const ids = Array.from({ length: 20_000 }, newId);
    expect(new Set(ids).size).equal(ids.length);
    expect([...ids].sort()).deep.equal(ids);
  });

  it('go on growing when the clock is set back', () => {
    const last = newId();
    const now = Date.now;
    try {
      Date.now = () => now() - 3_600_000;
      expect(newId() > last).equal(true);
    } finally {
      Date.now = now;
    }
  });

  it('have random ends', () => {
    const ends = new Set(Array.from({ length: 1000 }, () => newId().slice(-12)));
    expect(ends.size).equal(1000);
  });
});

describe('ids of users', () => {
  const good = [
    'a',
    'order-17',
    'é',
    '漢'.repeat(170),
    'x'.repeat(512),
    '😀'.repeat(128),
    "'; drop table",
    '%_\\',
    ' ',
    '\n',
    '__proto__',
    '{"$apiary":1}',
    newId(),
  ];
  const bad: unknown[] = [
    '',
    'x'.repeat(513),
    '漢'.repeat(171),
    '😀'.repeat(129),
    '\0',
    'a\0b',
    '\ud800',
    'a\udc00',
    undefined,
    null,
    5,
    5n,
    {},
    [],
    ['a'],
    Symbol('s'),
    () => 'a',
    new String('a'),
    { toString: () => 'a' },
  ];

  it('are 1 to 512 bytes of well-formed Unicode without NUL', () => {
    for (const id of good) checkId(id);
  });

  it('are refused otherwise, whatever they are', () => {
    for (const id of bad) {
      try {
        checkId(id);
      } catch (error) {
        if (!isApiaryError(error, 'INVALID_ID')) throw error;
        expect(error.httpStatus).equal(400);
        expect(error.details.id.length).most(512);
        continue;
      }
      expect.fail(`took ${String(id)}`);
    }
  });

  it('are judged as UTF-8 would be, over a corpus of texts', () => {
    for (const text of texts) {
      const roundTrip = Buffer.from(text, 'utf8').toString('utf8') === text;
      const isGood = text !== '' && roundTrip && !text.includes('\0') && Buffer.byteLength(text) <= 512;
      let taken = true;
      try {
        checkId(text);
      } catch {
        taken = false;
      }
      expect(taken, JSON.stringify(text.slice(0, 50))).equal(isGood);
    }
  });
});

describe('the hash of an input', () => {
  it('is the same in every release', () => {
    expect(inputHash('[]')).equal('4f53cda18c2baa0c0354bb5f9a3ecbe5');
    expect(inputHash(null)).equal('e3b0c44298fc1c149afbf4c8996fb924');
  });
  it('tells inputs apart', () => {
    expect(new Set(['[1]', '["1"]', '[1,2]', '[]', null].map(inputHash)).size).equal(5);
  });
});
