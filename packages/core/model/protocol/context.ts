import { effectOf, isError, plan, resultOf, type Outcome, type Plan, type Planned } from './body.js';
import type { Broken, Scenario, WorkflowSpec } from './scenario.js';
import { STAGES, STEPS, type Process, type RecordRow, type Run, type RunStep, type State, type WorkflowRow } from './state.js';

/** What stays the same during a check: the scenario, the rules broken on purpose, and the plans of bodies, remembered. */
export class Context {
  readonly workflows: readonly WorkflowSpec[];
  readonly count: number;
  readonly maxRecoveries: number;
  readonly #plans: readonly Map<string, Plan>[];

  constructor(
    readonly scenario: Scenario,
    readonly broken: Broken,
  ) {
    this.workflows = scenario.workflows;
    this.count = scenario.workflows.length;
    this.#plans = scenario.workflows.map(() => new Map<string, Plan>());
    this.maxRecoveries = scenario.maxRecoveries ?? 9;
  }

  spec(w: number): WorkflowSpec {
    return this.workflows[w] as WorkflowSpec;
  }

  parent(w: number): number | undefined {
    return this.spec(w).parent;
  }

  /** The workflow and its ancestors, the root last. */
  *upwards(w: number): Generator<number, void> {
    for (let u: number | undefined = w; u !== undefined; u = this.parent(u)) yield u;
  }

  childrenOf(w: number): number[] {
    return this.workflows.flatMap((s, k) => (s.parent === w ? [k] : []));
  }

  /** What the body of a run has called, and how it ended. */
  planOf(w: number, run: Run): Plan {
    let key = '';
    for (const step of run.steps) key += `${step.given}|`;
    for (const id of run.decided) key += id;
    return (
      this.#known(w, key) ??
      this.#plan(
        w,
        run.steps.map((s) => s.given),
        run.decided,
      )
    );
  }

  /** The plan of a replay from the records alone. */
  replay(w: number, records: readonly (RecordRow | null)[]): Plan {
    const given = Array<string>(STEPS).fill('');
    const decided = Array<number>(STAGES).fill(-1);
    for (;;) {
      const now = this.#plan(w, given, decided);
      const known = firstOf(
        now.calls.filter((c) => given[c.id] === '' && records[c.id] != null),
        (c) => (this.broken.replayById ? c.id : (records[c.id] as RecordRow).order),
      );
      if (known === undefined) return now;
      given[known.id] = (records[known.id] as RecordRow).value;
      decide(known, given[known.id] as string, decided);
    }
  }

  #plan(w: number, given: readonly string[], decided: readonly number[]): Plan {
    const key = `${given.join('|')}|${decided.join('')}`;
    const known = this.#known(w, key);
    if (known !== undefined) return known;
    const made = plan(this.spec(w).body, given, decided);
    this.#plans[w]?.set(key, made);
    return made;
  }

  #known(w: number, key: string): Plan | undefined {
    return this.#plans[w]?.get(key);
  }
}

/** The item with the least key. */
export function firstOf<T>(items: readonly T[], key: (item: T) => number): T | undefined {
  let first: T | undefined;
  for (const item of items) if (first === undefined || key(item) < key(first)) first = item;
  return first;
}

/** A result that decides its stage: the first of a race, the first error of an `all`. */
export function decide(call: Planned, value: string, decided: number[]): void {
  if ((decided[call.stage] as number) < 0 && (call.race || isError(value))) decided[call.stage] = call.id;
}

/** The record of a step: a direct call of one transaction has none of its own, its row of workflow_status is the record (4.4). */
export function recordOf(ctx: Context, s: State, w: number, i: number): RecordRow | null {
  const row = s.workflows[w];
  if (ctx.spec(w).direct !== true || i > 0) return s.records[w]?.[i] ?? null;
  if (row == null || (row.status !== 'SUCCESS' && row.status !== 'ERROR')) return null;
  const value = row.status === 'SUCCESS' ? effectOf({ kind: 'write', input: '' } as Planned) : '!';
  return { kind: 'write', input: '', value, executor: row.owner, epoch: row.epoch, order: 1, copied: false };
}

export const recordsOf = (s: State, w: number): number => (s.records[w] ?? []).reduce((n, r) => (r === null ? n : n + 1), 0);

/** The parts of a state that are known to be there. */
export const processAt = (s: State, p: number): Process => s.processes[p] as Process;
export const runAt = (P: Process, w: number): Run => P.runs[w] as Run;
export const stepAt = (run: Run, i: number): RunStep => run.steps[i] as RunStep;
export const rowAt = (s: State, w: number): WorkflowRow => s.workflows[w] as WorkflowRow;

export const isTerminal = (s: State, w: number): boolean => {
  const row = s.workflows[w];
  return row != null && row.status !== 'PENDING';
};

export const isPending = (s: State, w: number): boolean => s.workflows[w]?.status === 'PENDING';

export const runOf = (p: Process, w: number): Run | null => p.runs[w] ?? null;

export const nameOf = (process: number): string => 'ABCDEF'[process] as string;

/** The first thing that went wrong stays. */
export function broke(t: State, text: string): void {
  if (t.broken === '') t.broken = text;
}

export function outcomeResult(row: { readonly status: string; readonly value: string }): string {
  return resultOf(row as Outcome);
}
