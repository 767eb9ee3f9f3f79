import type { Fingerprint } from './fingerprint.js';

/** The states seen so far, by fingerprint, numbered in order of arrival: an open hash table over typed arrays. */
export class Seen {
  #size = 1 << 12;
  #slots = new Int32Array(this.#size).fill(-1);
  #high = new Int32Array(1 << 11);
  #low = new Int32Array(1 << 11);
  count = 0;

  /** The number of the state, and whether it is new. */
  add(print: Fingerprint): { index: number; fresh: boolean } {
    let at = this.#find(print.high, print.low);
    const known = this.#slots[at] as number;
    if (known >= 0) return { index: known, fresh: false };
    if (this.count * 2 >= this.#size) {
      this.#grow();
      at = this.#find(print.high, print.low);
    }
    const index = this.count++;
    this.#slots[at] = index;
    this.#high[index] = print.high;
    this.#low[index] = print.low;
    return { index, fresh: true };
  }

  #find(high: number, low: number): number {
    const mask = this.#size - 1;
    let at = (high ^ Math.imul(low, 0x9e3779b1)) & mask;
    for (;;) {
      const index = this.#slots[at] as number;
      if (index < 0 || (this.#high[index] === high && this.#low[index] === low)) return at;
      at = (at + 1) & mask;
    }
  }

  #grow(): void {
    this.#size *= 2;
    this.#slots = new Int32Array(this.#size).fill(-1);
    this.#high = enlarged(this.#high, this.#size / 2);
    this.#low = enlarged(this.#low, this.#size / 2);
    for (let i = 0; i < this.count; i++) this.#slots[this.#find(this.#high[i] as number, this.#low[i] as number)] = i;
  }
}

function enlarged(array: Int32Array, size: number): Int32Array<ArrayBuffer> {
  const out = new Int32Array(size);
  out.set(array.subarray(0, Math.min(size, array.length)));
  return out;
}

/** A list of integers that grows. */
export class Ints {
  #array = new Int32Array(1 << 10);
  length = 0;

  push(value: number): void {
    if (this.length === this.#array.length) this.#array = enlarged(this.#array, this.length * 2);
    this.#array[this.length++] = value;
  }

  at(index: number): number {
    return this.#array[index] as number;
  }
}
