import type { NumberedFlight } from './flight-numbers.js';
import type { CrashMode, CrashPoint } from './point.js';
import type { Rhythm } from './scenario.js';

/** Lines that have to arrive, though the process ends, are written to it synchronously. */
export const standardOutput = 1;

/** What a victim is to do. */
export interface Task {
  readonly database: string;
  readonly witness: string;
  readonly rhythm: Rhythm;
  /** All connections that it can want are open when its points begin. */
  readonly warm: boolean;
  /** It takes over what a dead one left, until nothing is left; the launch has points too. `got`: what the client was told before. */
  readonly recovers?: { readonly got: ClientOutcome | undefined; readonly patienceMs: number };
  /** Undefined: nothing happens to it. */
  readonly fault?: { readonly mode: CrashMode; readonly point: CrashPoint; /** server: it stands still until this file exists. */ readonly resume: string };
}

/** The line a victim writes to its standard output at its point, synchronously: its last word, or the sign that it stands still. */
export interface LastWord {
  readonly reached: CrashPoint;
  readonly flight: NumberedFlight;
  /** cut: its connection is gone. */
  readonly cut?: boolean;
}

/** The line it writes when its client has an answer, before anything else can happen: who has an answer does not ask again. */
export interface AnswerWord {
  readonly got: ClientOutcome;
}

export interface Returned {
  readonly value: unknown;
}
export interface Thrown {
  readonly thrown: { readonly name: string; readonly code?: unknown; readonly message: string };
}
/** What the client of a scenario got. */
export type ClientOutcome = Returned | Thrown;

/** What a victim that lives to the end tells. */
export interface VictimResult {
  readonly trace: readonly NumberedFlight[];
  readonly outcome: ClientOutcome;
}
