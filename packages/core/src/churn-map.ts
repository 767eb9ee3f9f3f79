/**
 * A map by text of what comes and goes all the time, for as long as the process lives.
 *
 * V8's own Map and Set make a new table whenever as many entries have come and gone as they have room for, and the old table points to the new one.
 * Once one of them is in the old generation (every full collection moves them there), each later one is held by its predecessor: all of them, with the
 * entries that they had, survive every collection of the young generation, until a full one, after which it begins anew. A map of 64 entries that change
 * all the time does a quarter of its work from then on (docs/performance.md). Here no table points to another.
 */
import { randomBytes } from 'node:crypto';

const smallest = 64;
/** Else whoever chooses ids could choose such that meet. */
const seed = randomBytes(4).readInt32LE();

export class ChurnMap<V> {
  #keys: (string | undefined)[] = Array.from({ length: smallest });
  #values: (V | undefined)[] = Array.from({ length: smallest });
  #hashes = new Int32Array(smallest);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    return this.#values[this.#find(key, hashOf(key))];
  }

  set(key: string, value: V): void {
    const hash = hashOf(key);
    let at = this.#find(key, hash);
    if (this.#keys[at] === undefined) {
      if (++this.#size * 2 > this.#keys.length) {
        this.#resize(this.#keys.length * 2);
        at = this.#find(key, hash);
      }
      this.#keys[at] = key;
      this.#hashes[at] = hash;
    }
    this.#values[at] = value;
  }

  delete(key: string): boolean {
    let gap = this.#find(key, hashOf(key));
    if (this.#keys[gap] === undefined) return false;
    // What was put behind it for want of room moves up, so that nothing marks where something was.
    const mask = this.#keys.length - 1;
    for (let at = (gap + 1) & mask; this.#keys[at] !== undefined; at = (at + 1) & mask) {
      const home = (this.#hashes[at] as number) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      this.#keys[gap] = this.#keys[at];
      this.#values[gap] = this.#values[at];
      this.#hashes[gap] = this.#hashes[at] as number;
      gap = at;
    }
    this.#keys[gap] = undefined;
    this.#values[gap] = undefined;
    this.#size--;
    if (this.#keys.length > smallest && this.#size * 16 < this.#keys.length) this.#resize(this.#keys.length / 4);
    return true;
  }

  /** Those of now: what comes and goes meanwhile changes nothing. */
  values(): V[] {
    return this.#values.filter((_, at) => this.#keys[at] !== undefined) as V[];
  }

  clear(): void {
    this.#size = 0;
    this.#empty(smallest);
  }

  /** Where the key is, or would be put. */
  #find(key: string, hash: number): number {
    const keys = this.#keys;
    const mask = keys.length - 1;
    let at = hash & mask;
    while (keys[at] !== undefined && keys[at] !== key) at = (at + 1) & mask;
    return at;
  }

  #empty(length: number): void {
    this.#keys = Array.from({ length });
    this.#values = Array.from({ length });
    this.#hashes = new Int32Array(length);
  }

  #resize(length: number): void {
    const [keys, values, hashes] = [this.#keys, this.#values, this.#hashes];
    this.#empty(length);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (key === undefined) continue;
      const at = this.#find(key, hashes[i] as number);
      this.#keys[at] = key;
      this.#values[at] = values[i];
      this.#hashes[at] = hashes[i] as number;
    }
  }
}

/** FNV-1a. */
function hashOf(key: string): number {
  let hash = seed;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 16777619);
  return hash ^ (hash >>> 15);
}
