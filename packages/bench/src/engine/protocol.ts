import type { LoadOptions, LoadResult } from './load.js';
import type { WireCounts } from './wire.js';

/** What the coordinator asks of an engine's process. */
export type Request =
  | { readonly kind: 'start'; readonly engine: string; readonly url: string; readonly pool: number }
  | { readonly kind: 'supports'; readonly workload: string; readonly variant: string }
  | { readonly kind: 'run'; readonly workload: string; readonly variant: string; readonly load: LoadOptions; readonly count: boolean }
  | { readonly kind: 'stop' };

export interface RunReply extends LoadResult {
  /** User and system time of the engine's process, in microseconds. */
  readonly cpu: number;
  /** Largest resident set of the process so far, in bytes. */
  readonly peakMemory: number;
  /** Of a counted run. */
  readonly wire?: WireCounts;
}

export type Reply = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: string };
