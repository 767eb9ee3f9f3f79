/**
 * Statements that make a workflow somebody's: claim, wake, resume, fork. Each is one conditional statement at the server, whose answer
 * takes time and can be lost (DESIGN 4.5, 4.6).
 */
import { newRow } from './commit.js';
import { isTerminal, rowAt, type Context } from './context.js';
import { answerClaim, claimRows, progress } from './claim.js';
import { adopt } from './runs.js';
import type { Backend, Process, State, WorkflowRow } from './state.js';

export function runAssignment(ctx: Context, t: State, b: Backend): void {
  if (b.kind === 'claim') claimRows(ctx, t, b);
  else if (b.kind === 'wake') wake(ctx, t, b);
  else if (b.kind === 'resume') resume(ctx, t, b);
  else fork(ctx, t, b);
}

/** Parked to running. */
function wake(ctx: Context, t: State, b: Backend): void {
  const row = rowAt(t, b.w);
  const parked = row.status === 'PENDING' && row.owner === -1;
  if (!parked && !ctx.broken.wakesUnconditionally) return;
  Object.assign(row, { owner: b.executor, epoch: row.epoch + (ctx.broken.wakeKeepsEpoch ? 0 : 1) });
  b.got = [b.w];
}

/** Only roots are resumed, and with them the children that ended with them and whose result nobody recorded. */
function resume(ctx: Context, t: State, b: Backend): void {
  const tree = ctx.broken.resumesRootOnly ? [b.w] : [...unrecorded(ctx, t, b.w)];
  for (const w of tree) {
    const row = t.workflows[w];
    if (row == null || !isResumable(row)) continue;
    Object.assign(row, {
      status: 'PENDING',
      value: '',
      owner: b.executor,
      epoch: row.epoch + 1,
      cancelRequested: false,
      attempts: 0,
      seen: progress(ctx, t, w),
      resumed: true,
    });
    b.got = [...b.got, w];
  }
}

const isResumable = (row: WorkflowRow): boolean => row.status === 'CANCELLED' || row.status === 'ERROR' || row.status === 'DEAD';

function* unrecorded(ctx: Context, t: State, w: number): Generator<number, void> {
  yield w;
  for (const k of ctx.childrenOf(w)) {
    const row = t.workflows[k];
    const recorded = (t.records[w] ?? []).some((r, i) => r?.kind === 'child' && ctx.replay(w, t.records[w] ?? []).calls[i]?.target === k);
    if (row != null && (row.status === 'CANCELLED' || row.status === 'DEAD') && !recorded) yield* unrecorded(ctx, t, k);
  }
}

/** A copy of the records before a step, all of them or nothing. */
function fork(ctx: Context, t: State, b: Backend): void {
  const { of, step } = ctx.spec(b.w).fork as { of: number; step: number };
  const from = t.records[of] ?? [];
  const complete = from.slice(0, step).every((r) => r !== null);
  if (t.workflows[of] == null || (!complete && !ctx.broken.forkCopiesGaps)) return;
  b.got = [b.w];
  if (t.workflows[b.w] != null) return;
  t.workflows[b.w] = newRow(b.executor, 1);
  if (!ctx.broken.forkInTwoCommits) copyRecords(ctx, t, b);
}

function copyRecords(ctx: Context, t: State, b: Backend): void {
  const { of, step } = ctx.spec(b.w).fork as { of: number; step: number };
  t.records[b.w] = (t.records[of] ?? []).map((r, i) => (r === null || i >= step ? null : { ...r, executor: b.executor, epoch: 1, copied: true }));
}

export function answerAssignment(ctx: Context, t: State, P: Process, b: Backend): void {
  if (b.kind === 'claim') return answerClaim(ctx, t, P, b);
  if (b.kind === 'fork') answerFork(ctx, t, P, b);
  for (const w of b.got) adopt(ctx, t, P, w);
}

function answerFork(ctx: Context, t: State, P: Process, b: Backend): void {
  const k = ctx.scenario.callers.findIndex((c) => c.workflow === b.w && t.processes[c.process] === P);
  const caller = t.callers[k];
  if (ctx.broken.forkInTwoCommits && b.got.length > 0) copyRecords(ctx, t, b);
  if (caller?.state !== 'starting') return;
  const row = t.workflows[b.w];
  if (row == null)
    caller.state = 'gone'; // refused: a record before the step is not durable
  else Object.assign(caller, { acknowledged: true, state: row.owner === P.executor && !isTerminal(t, b.w) ? 'running' : 'observing' });
}
