import type { Body } from './body.js';
import type { Rule } from './rules.js';

/** One workflow of a scenario. */
export interface WorkflowSpec {
  readonly body: Body;
  /** The workflow that calls it as its inline child. */
  readonly parent?: number;
  /** An explicit id is looked up before anything else; nobody else can know a generated one. */
  readonly explicit?: boolean;
  /** `app.start`: answered when the start row is durable. Otherwise a call, whose start row is deferred. */
  readonly started?: boolean;
  /** A direct call of one writing transaction: its record is its outcome. */
  readonly direct?: boolean;
  readonly deadline?: boolean;
  /** Its body kills the process. */
  readonly poison?: boolean;
  /** It is a fork of this workflow, from this step. */
  readonly fork?: { readonly of: number; readonly step: number };
}

export interface CallerSpec {
  readonly process: number;
  readonly workflow: number;
}

/** How often each fault, and each wish of a third party, may happen. */
export interface Budget {
  crash: number;
  stop: number;
  /** Lost connections. */
  cut: number;
  /** 40001 at COMMIT. */
  serialization: number;
  /** PostgreSQL crashes and restarts. */
  database: number;
  /** Changes of the user's cell. */
  bump: number;
  /** Leases that lapse although their executor lives. */
  lapse: number;
  cancel: number;
  resume: number;
  /** User code that throws. */
  userError: number;
  fork: number;
  shutdown: number;
  /** Terminal trees that retention deletes. */
  retention: number;
  /** Promotions of an asynchronous standby. */
  failover: number;
}

export const budget = (over: Partial<Budget> = {}): Budget => ({
  crash: 0,
  stop: 0,
  cut: 0,
  serialization: 0,
  database: 0,
  bump: 0,
  lapse: 0,
  cancel: 0,
  resume: 0,
  userError: 0,
  fork: 0,
  shutdown: 0,
  retention: 0,
  failover: 0,
  ...over,
});

export interface Scenario {
  readonly workflows: readonly WorkflowSpec[];
  readonly callers: readonly CallerSpec[];
  readonly processes?: number;
  readonly budget: Budget;
  /** All connections go through a transaction pooler. */
  readonly pooler?: boolean;
  /** Claims without progress before a workflow is DEAD. */
  readonly maxRecoveries?: number;
  /** Also the variant without hand-over before the commit (4.4). */
  readonly atOnce?: boolean;
  /** The answer of a renewal takes time. */
  readonly slowRenewal?: boolean;
  /** Stops and lapses may hit any process, not only the first. */
  readonly anyVictim?: boolean;
  /** False: the invariant "one row, one carrier" is not looked at, to see what breaking it leads to. */
  readonly carriers?: boolean;
}

/** The rules that are broken on purpose. */
export type Broken = Partial<Record<Rule, boolean>>;
