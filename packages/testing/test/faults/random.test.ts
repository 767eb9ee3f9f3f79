import { SeededRandom, until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { failure } from './support/server.js';

describe('seeded random numbers', () => {
  it('are the same for the same seed, and others for another', () => {
    const draw = (seed: number): number[] => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 20 }, () => random.next());
    };
    expect(draw(5)).to.deep.equal(draw(5));
    expect(draw(5)).to.not.deep.equal(draw(6));
    expect(draw(5).every((n) => n >= 0 && n < 1)).to.equal(true);
  });

  it('reach every value of a range, both ends included', () => {
    const random = new SeededRandom(1);
    expect(new Set(Array.from({ length: 400 }, () => random.int(3, 7)))).to.deep.equal(new Set([3, 4, 5, 6, 7]));
    expect([...random.shuffle([1, 2, 3, 4])].sort()).to.deep.equal([1, 2, 3, 4]);
  });
});

describe('waiting for a condition', () => {
  it('gives the value that ended it', async () => {
    let looks = 0;
    expect(await until('the third look', () => (++looks === 3 ? { looks } : undefined))).to.deep.equal({ looks: 3 });
  });

  it('says what it waited for, and the last error', async () => {
    const error = await failure(until('the door opens', () => Promise.reject(new Error('locked')), { within: 20 }));
    expect(error.message).to.equal('waited in vain until the door opens (last error: locked)');
  });
});
