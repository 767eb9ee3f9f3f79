/** Entries that come and go, 64 at a time, after a full collection. The process that runs this is started with --expose-gc and --trace-gc. */
import { ChurnMap } from '@apiary/core/internal';

const map = process.argv[2] === 'ChurnMap' ? new ChurnMap<number[]>() : new Map<string, number[]>();
const turn = (from: number, to: number): void => {
  for (let i = from; i < to; i++) {
    map.set(`w${i}`, Array.from<number>({ length: 100 }).fill(i));
    map.delete(`w${i - 64}`);
  }
};
turn(0, 10_000);
(globalThis as { gc?: () => void }).gc?.();
console.log('from here');
turn(10_000, 400_000);
