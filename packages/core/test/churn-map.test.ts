import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import fc from 'fast-check';
import { ChurnMap } from '@apiary/core/internal';

type Change = { readonly kind: 'set' | 'delete' | 'get'; readonly key: string } | { readonly kind: 'clear' };

const key = fc.oneof(fc.integer({ min: 0, max: 300 }).map(String), fc.constantFrom('', '__proto__', 'constructor'), fc.string({ maxLength: 3 }));
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 200, arbitrary: fc.record({ kind: fc.constantFrom('set' as const, 'set' as const, 'delete' as const, 'get' as const), key }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const }) },
);

describe('a map of what comes and goes', () => {
  it('holds what a Map holds, whatever is put and taken', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 1500, size: 'max' }), (changes) => {
        const mine = new ChurnMap<number>();
        const theirs = new Map<string, number>();
        for (const [at, one] of changes.entries()) {
          if (one.kind === 'clear') [mine, theirs].forEach((map) => map.clear());
          else if (one.kind === 'delete') expect(mine.delete(one.key)).equal(theirs.delete(one.key));
          else if (one.kind === 'set') [mine, theirs].forEach((map) => map.set(one.key, at));
          else expect(mine.get(one.key)).equal(theirs.get(one.key));
          expect(mine.size).equal(theirs.size);
        }
        for (const [name, value] of theirs) expect(mine.get(name)).equal(value);
        expect(mine.values()).have.members([...theirs.values()]);
      }),
      { numRuns: 50 },
    );
  });

  it('grows and shrinks with what it holds', () => {
    const map = new ChurnMap<number>();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 5000; i++) map.set(`k${i}`, i);
      for (let i = 0; i < 5000; i++) expect(map.get(`k${i}`)).equal(i);
      for (let i = 0; i < 5000; i++) expect(map.delete(`k${i}`)).equal(true);
      expect(map.size).equal(0);
      expect(map.values()).deep.equal([]);
      expect(map.delete('k1')).equal(false);
    }
  });

  /** Full collections, while 390 000 entries come and go, of which 64 are there at a time. */
  const collections = (kind: string): number => {
    const program = fileURLToPath(new URL('./support/churn.js', import.meta.url));
    const output = execFileSync(process.execPath, ['--expose-gc', '--trace-gc', program, kind], { encoding: 'utf8' });
    return (output.split('from here')[1] ?? '').split('Mark-Compact').length - 1;
  };

  it('what has gone is gone with the next collection of the young, also after a full one', () => {
    expect(collections('ChurnMap')).equal(0);
  });

  it('which is not so with a Map of V8 11, that of Node 20', function () {
    if (!process.versions.v8.startsWith('11.')) this.skip();
    expect(collections('Map')).greaterThan(3);
  });
});
