import { loadValues } from '@apiary/testing/internal';
import { expect } from 'chai';
import { apiaryErrorOf, expectSame, expectStorable, newCodec, show } from './support.js';

const { numbers, plain, refused, rich, texts, translated } = await loadValues();

describe('values through the codec', () => {
  const { codec } = newCodec();

  it('stores undefined as null, and gives it back', () => {
    expect(codec.encode(undefined, 'result')).equal(null);
    expect(codec.decode(null)).equal(undefined);
    expect(codec.copy(undefined, 'result')).deep.equal({ text: null, value: undefined });
  });

  it('stores what JSON can say as its own JSON', () => {
    for (const value of [...plain, ...numbers.filter((n) => Number.isFinite(n) && !Object.is(n, -0))]) {
      const text = codec.encode(value, 'result') as string;
      expect(text).equal(JSON.stringify(value));
      expectStorable(text);
      expectSame(codec.decode(text), value);
    }
  });

  it('stores what is richer under a tag with a version', () => {
    for (const value of rich) {
      const text = codec.encode(value, 'result') as string;
      expect(JSON.parse(text), show(value)).to.have.property('$apiary', 1);
      expectStorable(text);
      expectSame(codec.decode(text), value);
    }
  });

  it('gives as copy what a later decoding gives, and shares nothing with the original', () => {
    for (const value of [...plain, ...rich, ...numbers]) {
      const { text, value: copy } = codec.copy(value, 'result');
      expect(text).equal(codec.encode(value, 'result'));
      expectSame(copy, codec.decode(text));
      if (typeof value === 'object' && value !== null) expect(copy).not.equal(value);
    }
  });

  it('keeps invalid dates', () => {
    const { at } = codec.copy({ at: new Date(Number.NaN) }, 'result').value;
    expect([at instanceof Date, at.getTime()]).deep.equal([true, Number.NaN]);
  });

  it('keeps one object one object, and two objects two', () => {
    const part = { a: 1 };
    const copy = codec.copy({ once: part, twice: part, other: { a: 1 } }, 'result').value;
    expect(copy.once).equal(copy.twice);
    expect(copy.once).not.equal(copy.other);
  });

  it('translates objects of other realms, proxies, subclasses and getters into plain ones', () => {
    for (const [value, expected] of translated) expectSame(codec.copy(value, 'result').value, expected);
  });

  it('keeps every text, as value and as key', () => {
    for (const text of texts) {
      expectSame(codec.copy([text, new Date(0)], 'result').value, [text, new Date(0)]);
      if (text !== '__proto__') expectSame(codec.copy({ [text]: text, at: new Date(0) }, 'result').value, { [text]: text, at: new Date(0) });
    }
  });

  it('refuses what cannot be recorded, naming path and kind', () => {
    for (const [value, path, found] of refused) {
      const error = apiaryErrorOf('NOT_RECORDABLE', () => codec.encode(value, 'result'));
      if (value !== globalThis && !error.details.path.includes('.inner.inner')) expect(error.details.path, error.message).equal(path);
      expect(error.details.found).match(found);
      apiaryErrorOf('NOT_RECORDABLE', () => codec.copy(value, 'result'));
    }
  });

  it('records only the bytes that a view shows', () => {
    const memory = Buffer.from('neighbour visible');
    for (const view of [memory.subarray(10), new Uint8Array(memory.buffer, memory.byteOffset + 10, 7)]) {
      const text = codec.encode(view, 'result') as string;
      expect(text).not.include(Buffer.from('neighbour').toString('base64').slice(0, 8));
      expect(Buffer.from(codec.decode(text) as Uint8Array).toString()).equal('visible');
    }
  });

  it('reads each property once, so that nothing can change between check and record', () => {
    let reads = 0;
    const value = {
      get a(): unknown {
        return ++reads === 1 ? 'data' : () => 'no data';
      },
    };
    expectSame(codec.copy(value, 'result').value, { a: 'data' });
    expect(reads).equal(1);
  });

  it('gives 1000 levels of anything back, and refuses 1001', () => {
    const depthOf = (value: unknown): number => {
      let levels = 0;
      for (let inner = value; inner !== undefined; levels++) {
        inner = inner instanceof Map || inner instanceof Set ? [...inner.values()][0] : Object.values(inner as object)[0];
      }
      return levels;
    };
    const wrap = (levels: number, each: (inner: unknown) => unknown): unknown =>
      Array.from({ length: levels }).reduce<unknown>((inner) => each(inner), undefined);
    for (const each of [
      (inner: unknown) => [inner],
      (inner: unknown) => ({ inner }),
      (inner: unknown) => new Map([['inner', inner]]),
      (inner: unknown) => new Set([inner]),
    ]) {
      const deep = wrap(1000, each);
      const text = codec.encode(deep, 'result');
      // As deep in JavaScript's own stack as a server's request may be. Compared as text: Node's own comparison of sets within sets ends before.
      const at = (frames: number): string | null => (frames > 0 ? at(frames - 1) : codec.encode(codec.decode(text), 'result'));
      expect(at(500) === text).equal(true);
      expect(depthOf(codec.decode(text))).equal(1000);
      apiaryErrorOf('NOT_RECORDABLE', () => codec.encode(wrap(1001, each), 'result'));
    }
  });
});
