/** What one operation cost, on average over a run of a fixed number of operations. */
export interface OperationCost {
  readonly statements: number;
  /** By pg_stat_statements, where the server has it: a check on `statements`. It misses prepared BEGINs and COMMITs after their first execution. */
  readonly serverStatements: number | null;
  /** Writes to a socket of the database. */
  readonly roundTrips: number;
  readonly commits: number | null;
  /** Bytes, without full-page images. */
  readonly wal: number;
  /** How long one took: what idle engines do meanwhile is in the counts too. */
  readonly seconds: number;
}

/** One engine in one cell: a workload at a number of clients. */
export interface Measurement {
  readonly workload: string;
  readonly clients: number;
  /** With its variant: `apiary/db`. */
  readonly engine: string;
  /** Medians over the slices: operations a second, milliseconds. */
  readonly throughput: number;
  readonly p50: number;
  readonly p99: number;
  /** Median, smallest and largest of the slices' ratios to the yardstick's slice in the same round. */
  readonly ratio: number;
  readonly ratioRange: readonly [number, number];
  readonly cost: OperationCost;
  /** CPU microseconds an operation, over all slices: the engine's process, and the server. */
  readonly nodeCpu: number;
  readonly serverCpu: number | null;
  /** Largest resident set of the engine's process so far, in bytes. */
  readonly peakMemory: number;
  /** Operations a second in each slice. */
  readonly slices: readonly number[];
}

export interface BenchResult {
  readonly machine: readonly (readonly [string, string])[];
  readonly command: string;
  readonly date: string;
  readonly yardstick: string;
  readonly measurements: readonly Measurement[];
}
