import type { Kind } from './bank.js';

/** What an executor process is told in its environment. */
export interface Orders {
  readonly name: string;
  readonly database: string;
  readonly journal: string;
  readonly seed: number;
  readonly accounts: number;
  readonly leaseMs: number;
  readonly pollMs: number;
  /** Clients inside the process; none: it only executes. */
  readonly clients: number;
  /** A client waits up to so long between two workflows. */
  readonly thinkMs: number;
  readonly kinds?: readonly Kind[] | undefined;
  readonly version?: string | undefined;
  readonly pool?: number | undefined;
}

/** What it is told later. */
export interface Instruction {
  readonly kind: 'stop loading' | 'end' | 'clock' | 'observe' | 'hog';
  readonly ms?: number;
  /** observe: wait for this workflow, if another executor runs it. */
  readonly id?: string;
  readonly executorId?: string;
}

/** What an executor notes while it waits for workflows of others: when it began to wait and when it knew, or by how much its timers are late. */
export interface Seen {
  readonly id?: string;
  readonly since?: number;
  readonly at: number;
  readonly error?: string;
  readonly lagMs?: number;
}
