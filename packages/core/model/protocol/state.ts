/** The state of the whole system: database, processes, clients. Every object of one type has the same keys in the same order. */
import type { Kind, Outcome } from './body.js';
import type { Budget } from './scenario.js';

export type Status = 'PENDING' | Outcome['status'];

/** A committed row of workflow_status (DESIGN 4.1). */
export interface WorkflowRow {
  /** Executor; -1: parked. */
  owner: number;
  epoch: number;
  status: Status;
  value: string;
  cancelRequested: boolean;
  /** Claims since the last new record. */
  attempts: number;
  /** Records that existed at the last claim. */
  seen: number;
  /** Given back by an orderly shutdown: the next claim counts nothing. */
  released: boolean;
  /** It was resumed: answers of an earlier time may differ. */
  resumed: boolean;
  /** Its outcome was committed asynchronously (only with a broken rule). */
  asynchronous: boolean;
}

/** A committed row of function_status. */
export interface RecordRow {
  readonly kind: Kind;
  readonly input: string;
  readonly value: string;
  readonly executor: number;
  readonly epoch: number;
  /** In which order the results of the run were given to the body. */
  readonly order: number;
  /** Copied by a fork. */
  readonly copied: boolean;
}

export interface ExecutorRow {
  fenced: boolean;
  /** The database clock says that the lease is over, and an observer saw the counter stand still. */
  lapsed: boolean;
  /** Fenced, and a claim has not yet found nothing. */
  inScan: boolean;
  /** Ghost: somebody claimed from it. Nothing of it may commit any more. */
  claimedFrom: boolean;
}

/** A row on its way. Never changed once made. */
export type Row =
  | {
      readonly type: 'start';
      readonly w: number;
      readonly executor: number;
      readonly epoch: number;
      readonly outcome: Outcome | null;
      readonly foreign: boolean;
    }
  | {
      readonly type: 'record';
      readonly w: number;
      readonly executor: number;
      readonly epoch: number;
      readonly i: number;
      readonly kind: Kind;
      readonly input: string;
      readonly value: string;
      readonly order: number;
    }
  | { readonly type: 'outcome'; readonly w: number; readonly executor: number; readonly epoch: number; readonly outcome: Outcome }
  | { readonly type: 'park'; readonly w: number; readonly executor: number; readonly epoch: number };

export interface Effect {
  readonly w: number;
  readonly i: number;
  readonly value: string;
}

/** What one workflow sends to the journal at once: all or nothing. */
export interface Group {
  readonly w: number;
  readonly epoch: number;
  readonly rows: readonly Row[];
  readonly effects: readonly Effect[];
  /** What its durability settles: nothing but the rows, a step, the end, a park, the start of a caller. */
  readonly why: 'rows' | 'step' | 'end' | 'park' | 'start';
  readonly i: number;
  readonly value: string;
  readonly caller: number;
  /** Sent alone, after a batch with it failed. */
  readonly alone: boolean;
}

export type BackendKind = 'transaction' | 'journal' | 'claim' | 'resume' | 'wake' | 'fork';

/** A PostgreSQL backend with something of ours under way. */
export interface Backend {
  kind: BackendKind;
  process: number;
  executor: number;
  w: number;
  i: number;
  /** open: waits for its final flight; sent; checked: has passed the fence check and locked the executor row (pooler); then the answer is under way. */
  state: 'open' | 'sent' | 'checked' | 'committed' | 'failed';
  /** Why it failed. */
  why: '' | 'conflict' | 'serialization' | 'refused' | 'fenced';
  rows: readonly Row[];
  effects: readonly Effect[];
  value: string;
  /** A client waits for its answer. */
  attached: boolean;
  killed: boolean;
  /** The value was handed to the body before COMMIT (4.4). */
  handedOver: boolean;
  /** The row that it conflicted with is an own one: executor and epoch are mine. */
  conflictMine: boolean;
  /** User's locks: holds the row; still has a statement that needs it. */
  holdsLock: boolean;
  needsLock: boolean;
  /** kind claim: from this executor, in this lane; resume, wake, fork: w. The workflows that it got. */
  from: number;
  lane: '' | 'first' | 'again';
  got: readonly number[];
}

/** Where a row of a run is: '' does not exist, else buffer, journal, durable, or the final flight `T<w>.<i>`. */
export type Carrier = string;

export interface RunStep {
  /**
   * idle: not called, or settled; open: transaction open; flight: final flight sent; lost: connection lost, and the same after the value
   * was handed over; calling: communicator; group: with the journal.
   */
  phase: 'idle' | 'open' | 'flight' | 'lost' | 'lostAfterHandOver' | 'calling' | 'group';
  row: Carrier;
  /** Its result as the engine knows it, and as the body was given it. */
  value: string;
  given: string;
  /** What was called with what, once there is a result. */
  kind: Kind | '';
  input: string;
  /** Of its record among those of the run; 0: it has none yet. */
  order: number;
}

/** One execution of a body (4.5). */
export interface Run {
  epoch: number;
  void: boolean;
  /** Void because its executor was fenced: the buffer is not used again. */
  foreign: boolean;
  start: Carrier;
  outcome: Carrier;
  end: Outcome | null;
  /** A request that was passed to a run without a row. */
  cancelled: boolean;
  steps: RunStep[];
  decided: number[];
}

export interface Takeover {
  readonly of: number;
  /** terminate: until it holds the exclusive lock. */
  readonly stage: 'terminate' | 'claim' | 'claiming';
}

export interface Process {
  state: 'up' | 'stopped' | 'dead';
  executor: number;
  /** none; locked: shared lock taken; usable: fence read. */
  connection: 'none' | 'locked' | 'usable';
  /** Its own monotonic deadline of the lease is over. */
  expired: boolean;
  /** The answer of a renewal: none under way, under way, under way since before the lease ended. */
  renewal: '' | 'fresh' | 'stale';
  runs: (Run | null)[];
  queue: Group[];
  batch: Group[] | null;
  takeover: Takeover | null;
  /** The timeline that its connections have read. */
  timeline: number;
}

export interface Caller {
  state: 'new' | 'lookup' | 'starting' | 'running' | 'observing' | 'answered' | 'gone';
  told: Outcome | null;
  /** Its start was acknowledged. */
  acknowledged: boolean;
}

export interface State {
  cell: number;
  /** The database clock has passed every deadline. */
  late: boolean;
  workflows: (WorkflowRow | null)[];
  /** Retention deleted it. */
  deleted: boolean[];
  records: (RecordRow | null)[][];
  effects: string[][];
  /** Times that a communicator was begun. */
  calls: number[][];
  /** The sleeps that are over. */
  due: boolean[];
  executors: ExecutorRow[];
  backends: Backend[];
  processes: Process[];
  callers: Caller[];
  budget: Budget;
  /** How often an asynchronous standby was promoted; where the present one stopped to follow. */
  timeline: number;
  standby: Standby | null;
  broken: string;
}

/** What an asynchronous standby has of the database. Never changed. */
export interface Standby {
  readonly workflows: readonly (WorkflowRow | null)[];
  readonly records: readonly (readonly (RecordRow | null)[])[];
  readonly effects: readonly (readonly string[])[];
  readonly executors: readonly ExecutorRow[];
}

/** Step ids are 0 to STEPS - 1, a body has at most STAGES stages. */
export const STEPS = 4;
export const STAGES = 4;
