/** How a run ends: its body ended, or a request to end is honoured (DESIGN 4.4, 4.5). */
import type { Moves } from '../checker/model.js';
import type { Outcome, Planned } from './body.js';
import { takeRows, withFlight, withOutcome } from './buffer.js';
import { isPending, nameOf, processAt, rowAt, runAt, runOf, type Context } from './context.js';
import { push } from './journal.js';
import { answerCallers, isAsked } from './runs.js';
import type { Run, State, WorkflowRow } from './state.js';
import { childAlive } from './steps.js';

/** Answers the calls that the body still waits for, or that float. */
export const openCalls = (ctx: Context, run: Run, w: number): Planned[] => ctx.planOf(w, run).calls.filter((c) => run.steps[c.id]?.given === '');

export function outcomeMoves(ctx: Context, s: State, p: number, w: number, to: Moves<State>): void {
  const P = processAt(s, p);
  const run = runAt(P, w);
  const { end } = ctx.planOf(w, run);
  const open = openCalls(ctx, run, w);
  const free = run.start !== 'journal' && !withFlight(ctx, P, w);
  if (end !== null && free && (open.length === 0 || ctx.broken.endsUnsettled))
    to.step(`${nameOf(p)} ${w}: body ended, outcome to the journal`, (t) => sendOutcome(ctx, t, p, w, end));
  if (open.length === 0 || !isAsked(ctx, s, w, run)) return;
  passMoves(ctx, s, p, w, open, to);
  const unsettled = open.some((c) => run.steps[c.id]?.phase !== 'idle' || childAlive(ctx, s, P, c));
  const waits = open.some((c) => c.kind === 'wait' || c.kind === 'sleep');
  if (waits && ctx.broken.deadlineNotInWaits && s.workflows[w]?.cancelRequested !== true) return;
  if (free && (!unsettled || ctx.broken.cancelsUnsettled))
    to.step(`${nameOf(p)} ${w}: honours the request to end`, (t) => sendOutcome(ctx, t, p, w, { status: 'CANCELLED', value: 'asked' }));
}

function sendOutcome(ctx: Context, t: State, p: number, w: number, outcome: Outcome): void {
  const P = processAt(t, p);
  const run = runAt(P, w);
  const rows = withOutcome(takeRows(ctx, P, w, 'journal'), w, P.executor, run.epoch, outcome);
  Object.assign(run, { outcome: 'journal', end: outcome });
  push(ctx, P, w, rows, { why: 'end' });
  if (ctx.broken.answersEarly) answerCallers(ctx, t, P, w, outcome);
}

/** The request goes down to the children before the parent ends: own outcome last. */
function passMoves(ctx: Context, s: State, p: number, w: number, open: readonly Planned[], to: Moves<State>): void {
  for (const { kind, target } of open) {
    if (kind !== 'child') continue;
    const row = s.workflows[target] ?? null;
    const inMemory = row === null ? runOf(processAt(s, p), target) : null;
    if (inMemory !== null && !inMemory.cancelled && !inMemory.void)
      to.step(`${nameOf(p)} ${w}: asks child ${target} in memory to end`, (t) => void (runAt(processAt(t, p), target).cancelled = true));
    if (isPending(s, target) && row?.cancelRequested === false)
      to.step(`${nameOf(p)} ${w}: asks child ${target} to end`, (t) => requestEnd(ctx, rowAt(t, target)));
  }
}

/** A durable request; of what nobody runs the outcome at once. */
export function requestEnd(ctx: Context, row: WorkflowRow): void {
  if ((row.status === 'PENDING' && row.owner === -1) || (row.status === 'DEAD' && ctx.broken.cancelsTheDead))
    Object.assign(row, { status: 'CANCELLED', value: 'asked' });
  else if (row.status === 'PENDING' && ctx.broken.cancelsDirectly) Object.assign(row, { status: 'CANCELLED', value: 'asked' });
  else if (row.status === 'PENDING') row.cancelRequested = true;
}
