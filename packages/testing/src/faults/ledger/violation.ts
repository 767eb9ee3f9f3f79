/** A broken invariant, with what breaks it. */
export interface Violation {
  /** Its name in the reliability plan: `I1` ... */
  readonly invariant: string;
  readonly problem: string;
  /** Rows that break it, at most twenty. */
  readonly rows: readonly object[];
}

export function violated(invariant: string, problem: string, rows: readonly object[]): Violation[] {
  return rows.length === 0 ? [] : [{ invariant, problem, rows: rows.slice(0, 20) }];
}

/** @throws Error that lists all of them */
export function assertHolds(violations: readonly Violation[]): void {
  if (violations.length === 0) return;
  const lines = violations.map(({ invariant, problem, rows }) => `${invariant}: ${problem}\n${rows.map((row) => `    ${JSON.stringify(row)}`).join('\n')}`);
  throw new Error(`${violations.length} invariant(s) broken\n${lines.join('\n')}`);
}
