import { isApiaryError } from '@apiary/decorators/internal';
import { expect } from 'chai';
import fc from 'fast-check';
import { apiaryErrorOf, expectSame, newCodec, thrownBy } from './support.js';

describe('the stored form', () => {
  const { codec } = newCodec();

  it('stays readable: texts as the first release wrote them', () => {
    expectSame(codec.decode('{"a":[1,null,"x"]}'), { a: [1, null, 'x'] });
    expectSame(codec.decode('{"$apiary":1,"d":[{"at":1,"n":2,"u":-1},["Date","1970-01-01T00:00:00.000Z"],["BigInt","1"]]}'), {
      at: new Date(0),
      n: 1n,
      u: undefined,
    });
    expectSame(codec.decode('{"$apiary":1,"d":-3}'), Number.NaN);
    expectSame(codec.decode('{"$apiary":1,"d":[["Buffer",1],[2],"aGk="]}'), Buffer.from('hi'));
    const error = codec.decodeError('{"$apiary":1,"name":"TypeError","message":"no","stack":"TypeError: no\\n    at x","code":"E"}') as TypeError & {
      code: string;
    };
    expect(error).instanceOf(TypeError);
    expect([error.message, error.stack, error.code]).deep.equal(['no', 'TypeError: no\n    at x', 'E']);
  });

  it('names an unknown version instead of guessing', () => {
    for (const text of ['{"$apiary":2,"d":[]}', '{"$apiary":"1","d":[1]}', '{"$apiary":null}', '{"d":[1],"$apiary":99}']) {
      expect(apiaryErrorOf('DATABASE_VERSION', () => codec.decode(text)).message).match(/codec format/);
      expect(isApiaryError(codec.decodeError(text), 'DATABASE_VERSION')).equal(true);
    }
  });

  it('says so when a text is damaged', () => {
    for (const text of [
      '',
      '{',
      'nul',
      '{"$apiary":1}',
      '{"$apiary":1,"d":[]}',
      '{"$apiary":1,"d":[[99]]}',
      '{"$apiary":1,"d":[["Nothing",0]]}',
      '{"$apiary":1,"d":[["Class",0]]}',
      '{"$apiary":1,"d":[["Error",0]]}',
    ]) {
      apiaryErrorOf('DATABASE_VERSION', () => codec.decode(text));
    }
    expect(isApiaryError(codec.decodeError('{"a":1}'), 'DATABASE_VERSION')).equal(true);
    expect(isApiaryError(codec.decodeError(''), 'DATABASE_VERSION')).equal(true);
  });

  it('never revives data of users that look like its tag', () => {
    const lookalikes: unknown[] = [
      { $apiary: 1, d: [['Date', '1970-01-01T00:00:00.000Z']] },
      { $apiary: 1, d: -1 },
      { $apiary: 1, thrown: ['x'] },
      { $apiary: 1, name: 'Error', message: 'x' },
      { $apiary: 7 },
      ['Date', '1970-01-01T00:00:00.000Z'],
      [['Error', 1], { name: 2 }, 'x'],
      { d: [['Class', 1]] },
      -1,
      ['Buffer', 1],
      [-2],
      [-7, 3],
      { tag: 'Buffer', payload: ['aGk='] },
    ];
    for (const value of lookalikes) {
      for (const wrapped of [value, [value], { value }, new Map([[value, value]]), { value, at: new Date(0) }])
        expectSame(codec.copy(wrapped, 'result').value, wrapped);
      expectSame(codec.decodeError(codec.encodeError(value)), value);
    }
  });

  it('keeps Object.prototype as it is, whatever the text', () => {
    const before = Reflect.ownKeys(Object.prototype);
    const poison = ['{"__proto__":{"polluted":1}}', '{"a":{"__proto__":{"polluted":1}}}', '{"constructor":{"prototype":{"polluted":1}}}', '[{"__proto__":[]}]'];
    const wrapped = [
      '{"$apiary":1,"d":[{"__proto__":1},{"polluted":2},1]}',
      '{"$apiary":1,"d":[["null","__proto__",1],{"polluted":2},1]}',
      '{"$apiary":1,"d":[["Class",1],{"class":2,"fields":3},"X",{"__proto__":4},{"polluted":5},1]}',
      '{"$apiary":1,"d":[["Error",1],{"name":2,"fields":3},"x",{"__proto__":4},{"polluted":4}]}',
      '{"$apiary":1,"d":[["Class",1],{"class":2,"fields":3},"__proto__",{"polluted":4},1]}',
      '{"$apiary":1,"d":[["__proto__",1],{}]}',
      '{"$apiary":1,"d":[["constructor",1],{}]}',
    ];
    for (const text of [...poison, ...wrapped]) {
      for (const decode of [() => codec.decode(text), () => codec.decodeError(text)]) {
        try {
          decode();
        } catch (error) {
          expect(isApiaryError(error, 'DATABASE_VERSION')).equal(true);
        }
        expect(Reflect.ownKeys(Object.prototype)).deep.equal(before);
        expect(({} as Record<string, unknown>)['polluted']).equal(undefined);
      }
    }
  });

  it('bears documents of anything: a value, or an error that says it is damaged', () => {
    const before = Reflect.ownKeys(Object.prototype);
    const word = fc.constantFrom(
      'Date',
      'Map',
      'Set',
      'Error',
      'Class',
      'Buffer',
      'Object',
      'null',
      'ArrayBuffer',
      'Uint8Array',
      'BigInt',
      'RegExp',
      'URL',
      '__proto__',
      'constructor',
      'x',
    );
    const cell = fc.oneof(
      fc.integer({ min: -8, max: 8 }),
      word,
      fc.string(),
      fc.array(fc.oneof(fc.integer({ min: -8, max: 8 }), word), { maxLength: 4 }),
      fc.dictionary(word, fc.oneof(fc.integer({ min: -8, max: 8 }), word), { maxKeys: 4 }),
    );
    fc.assert(
      fc.property(fc.array(cell, { maxLength: 9 }), (d) => {
        const text = JSON.stringify({ $apiary: 1, d });
        try {
          codec.decode(text);
        } catch (error) {
          if (!isApiaryError(error, 'DATABASE_VERSION')) throw error;
        }
        codec.decodeError(text);
        return Reflect.ownKeys(Object.prototype).length === before.length;
      }),
      { numRuns: 3000 },
    );
  });

  it('does not fall over documents that are nested without end', () => {
    const deep = `{"$apiary":1,"d":[${Array.from({ length: 200_000 }, (_, i) => `[${i + 1}]`).join(',')},1]}`;
    expect(
      isApiaryError(
        thrownBy(() => codec.decode(deep)),
        'DATABASE_VERSION',
      ),
    ).equal(true);
    const plain = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    try {
      codec.decode(plain);
    } catch (error) {
      expect(isApiaryError(error, 'DATABASE_VERSION')).equal(true);
    }
  });
});
