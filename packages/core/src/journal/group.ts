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

export function workflowsOf(groups: readonly Group[]): Set<string> {
  const ids = new Set<string>();
  for (const group of groups) eachWorkflow(group, (id) => void ids.add(id));
  return ids;
}

/** Whether it has a row of one of these workflows. */
export function shares(group: Group, ids: ReadonlySet<string>): boolean {
  let found = false;
  eachWorkflow(group, (id) => (found ||= ids.has(id)));
  return found;
}

/** Foreign rows are no part of the order: an existing one is the wished state. */
function eachWorkflow({ cargo }: Group, visit: (id: string) => void): void {
  for (const { workflowId } of cargo.starts) visit(workflowId);
  for (const { workflowId } of cargo.records) visit(workflowId);
  for (const { workflowId } of cargo.outcomes) visit(workflowId);
  for (const { workflowId } of cargo.parks) visit(workflowId);
}

/** Tells the owner of a group that its rows belong to somebody else: the run that pushed it is void. */
export class LostRow extends Error {
  override readonly name = 'LostRow';
}
