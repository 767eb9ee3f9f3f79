import type { Cargo } from '../executor/rows.js';

/**
 * All that one workflow sends at one barrier: durable together or not at all. Groups of one workflow become durable in the order in
 * which they were pushed.
 */
export interface Group {
  readonly cargo: Cargo;
  readonly bytes: number;
  /** False once the run that pushed it is void: it is then dropped unsent. */
  wanted(): boolean;
  /** Ids of the foreign rows that were inserted, in an answer that arrived; undefined if that is not known (own earlier attempt). */
  durable(inserted: readonly string[] | undefined): void;
  failed(error: unknown): void;
}

/** Tells the owner of a group that its rows belong to somebody else: the run that pushed it is void. */
export class LostRow extends Error {
  override readonly name = 'LostRow';
}
