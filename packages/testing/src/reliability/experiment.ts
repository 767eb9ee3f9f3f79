import type { Violation } from '../faults/ledger/violation.js';
import { leaseMs, pollMs, type Cluster, type ClusterOptions } from './cluster.js';

export interface Planned {
  /** As in the plan: E4 ... */
  readonly name: string;
  readonly fault: string;
  /** Runs of `npm run reliability`; `--runs` scales them. */
  readonly runs: number;
  /** Faults that must have happened in a run, at least once; else the run proves nothing. */
  readonly mustHit: readonly string[];
}

/** The workload of the bank in several executors while something breaks. */
export interface LoadExperiment extends Planned {
  readonly options: Omit<ClusterOptions, 'seed'>;
  /** Why it cannot be run on this machine, if so. */
  readonly impossible?: () => string | undefined;
  /** Makes what the cluster stands on, and takes it away at the end. */
  readonly prepare?: (seed: number) => Promise<AsyncDisposable & { readonly options: Partial<ClusterOptions> }>;
  /** One fault; called again until the time is over. */
  readonly strike: (cluster: Cluster, round: number) => Promise<void>;
  /** Ends what is still broken. */
  readonly heal?: (cluster: Cluster) => Promise<void>;
  /** Looks, when all is at rest and before the executors end, at what is particular to it. */
  readonly judge?: (cluster: Cluster) => Promise<Judged>;
}

/** What happens when all executors rest: what is wrong, and how long something took that has a bound. */
export interface Judged {
  readonly violations: readonly Violation[];
  readonly bounds?: readonly Bound[];
}

/** Times that must not be above a limit, but for one in a hundred. */
export interface Bound {
  readonly what: string;
  readonly limitMs: number;
  readonly ms: readonly number[];
}

/** One that brings its own workload. */
export interface OwnExperiment extends Planned {
  readonly run: (seed: number, seconds: number) => Promise<OwnRun>;
}

export interface OwnRun extends Judged {
  readonly workflows: number;
  readonly hits: ReadonlyMap<string, number>;
  /** Why nothing was run here. */
  readonly notRun?: string;
}

export type Experiment = LoadExperiment | OwnExperiment;

/** Longest time after the faults until all has ended that is not called stuck: many leases. */
export const quiesceMs = 60 * leaseMs + 100 * pollMs;
