import type { Operation } from './engine.js';
import { Random } from './random.js';

export interface LoadOptions {
  readonly clients: number;
  readonly seed: number;
  /** The loops stop after `seconds`, or after `operations` in all. */
  readonly seconds?: number;
  readonly operations?: number;
}

export interface LoadResult {
  readonly operations: number;
  readonly seconds: number;
  /** Of single operations, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** A closed loop: `clients` callers, each of which starts its next operation when the last has ended. Throws what an operation throws. */
export async function drive(operation: Operation, options: LoadOptions): Promise<LoadResult> {
  const random = new Random(options.seed);
  const latencies: number[] = [];
  let left = options.operations ?? Number.POSITIVE_INFINITY;
  const begin = performance.now();
  const end = begin + (options.seconds ?? Number.POSITIVE_INFINITY) * 1000;
  const client = async (): Promise<void> => {
    let now = performance.now();
    while (now < end && left > 0) {
      left--;
      await operation(random.next());
      const then = now;
      now = performance.now();
      latencies.push(now - then);
    }
  };
  await Promise.all(Array.from({ length: options.clients }, client));
  const seconds = (performance.now() - begin) / 1000;
  const sorted = Float64Array.from(latencies).sort();
  return { operations: sorted.length, seconds, p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
}

const percentile = (sorted: Float64Array, share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
