/** Runs (DESIGN 4.5): made, given results, finished, or void. */
import { broke, decide, firstOf, outcomeResult, recordOf, runAt, runOf, stepAt, type Context } from './context.js';
import { settleRow, takePlace } from './buffer.js';
import { STAGES, STEPS, type Carrier, type Process, type Run, type RunStep, type State } from './state.js';
import type { Outcome, Planned } from './body.js';

/** Starts or repeats a body: with the durable records, and with what an own earlier run left in the buffer. */
export function createRun(ctx: Context, t: State, P: Process, w: number, epoch: number, buffer: Run | null): void {
  const steps: RunStep[] = [];
  for (let i = 0; i < STEPS; i++) {
    const record = recordOf(ctx, t, w, i);
    const kept = buffer?.steps[i];
    const step: RunStep = { phase: 'idle', row: '', value: '', given: '', kind: '', input: '', order: 0 };
    if (record !== null) Object.assign(step, { row: 'durable', value: record.value, kind: record.kind, input: record.input, order: record.order });
    else if (kept !== undefined && kept.row !== '' && kept.row !== 'durable' && kept.value !== '')
      Object.assign(step, { row: 'buffer', value: kept.value, kind: kept.kind, input: kept.input, order: kept.order });
    steps.push(step);
  }
  const start = t.workflows[w] == null ? 'buffer' : 'durable';
  P.runs[w] = { epoch, void: false, foreign: false, start, outcome: '', end: null, cancelled: false, steps, decided: Array<number>(STAGES).fill(-1) };
  settle(ctx, t, P, w);
}

/** A run for a row of mine, unless there is one. */
export function adopt(ctx: Context, t: State, P: Process, w: number): void {
  const row = t.workflows[w];
  if (row != null && row.status === 'PENDING' && row.owner === P.executor && runOf(P, w) === null) createRun(ctx, t, P, w, row.epoch, null);
}

/** A run that starts without a look at the database: nobody else can know its id, or it was looked up before. */
export function createFreshRun(ctx: Context, t: State, P: Process, w: number): void {
  const row = t.workflows[w] ?? null;
  if (row !== null && row.owner !== P.executor) broke(t, `the body of workflow ${w} runs although its id exists`);
  const records = t.records[w] as State['records'][number];
  t.workflows[w] = null;
  t.records[w] = Array<null>(STEPS).fill(null);
  createRun(ctx, t, P, w, 1, null);
  t.workflows[w] = row;
  t.records[w] = records;
}

/** Hands known results to the body until it calls something whose result is not known. */
export function settle(ctx: Context, t: State, P: Process, w: number): void {
  const run = runAt(P, w);
  for (;;) {
    const known = ctx.planOf(w, run).calls.filter((c) => isKnown(ctx, t, w, run, c));
    const call = firstOf(known, (c) => (ctx.broken.replayById ? c.id : stepAt(run, c.id).order));
    if (call === undefined) return;
    const step = stepAt(run, call.id);
    if (step.input !== call.input || step.kind !== call.kind)
      broke(t, `nondeterminism: step ${w}.${call.id} was ${step.kind}(${step.input}), is called as ${call.kind}(${call.input})`);
    step.given = step.value;
    decide(call, step.value, run.decided);
  }
}

/** It has a result that may be given now: a replay gives results in the order of the first run, so the first run keeps the order of its rows. */
function isKnown(ctx: Context, t: State, w: number, run: Run, call: Planned): boolean {
  const step = stepAt(run, call.id);
  if (step.given !== '' || step.value === '' || step.phase !== 'idle') return false;
  if (call.kind === 'wait' || (call.kind === 'sleep' && !t.due[w])) return false;
  return (
    ctx.broken.givenAsAnswered === true || ctx.broken.replayById === true || !run.steps.some((s) => s.phase !== 'idle' && s.order > 0 && s.order < step.order)
  );
}

/** A step has a result. */
export function deliver(ctx: Context, t: State, P: Process, w: number, i: number, value: string, row: Carrier): void {
  const run = runAt(P, w);
  const step = stepAt(run, i);
  const call = step.value === '' ? ctx.planOf(w, run).calls[i] : undefined;
  if (step.order === 0) takePlace(run, i);
  Object.assign(step, { row, value, phase: 'idle', kind: call?.kind ?? step.kind, input: call?.input ?? step.input });
  settle(ctx, t, P, w);
}

/** The outcome is durable: callers are answered, a parent here gets the result. */
export function finish(ctx: Context, t: State, P: Process, w: number): void {
  const run = runAt(P, w);
  answerCallers(ctx, t, P, w, run.end as Outcome);
  P.runs[w] = null;
  giveParent(ctx, t, P, w, run.end as Outcome);
}

export function answerCallers(ctx: Context, t: State, P: Process, w: number, outcome: Outcome): void {
  callersOf(ctx, t, P, w).forEach((c) => Object.assign(c, { state: 'answered', told: outcome }));
}

/** A parent that was asked to cancel does not take its own cancellation for the child's result (BEHAVIOURS 37). */
export function giveParent(ctx: Context, t: State, P: Process, w: number, outcome: Outcome): void {
  const up = ctx.parent(w);
  const parent = up === undefined ? null : runOf(P, up);
  if (up === undefined || parent === null || parent.void || (outcome.status === 'CANCELLED' && isAsked(ctx, t, up, parent))) return;
  const call = ctx.planOf(up, parent).calls.find((c) => c.kind === 'child' && c.target === w);
  if (call !== undefined && parent.steps[call.id]?.given === '') deliver(ctx, t, P, up, call.id, outcomeResult(outcome), 'buffer');
}

/** It was asked to end: by a durable request, by its deadline, or, without a row, by its parent's run. */
export const isAsked = (ctx: Context, t: State, w: number, run: Run): boolean =>
  t.workflows[w]?.cancelRequested === true || run.cancelled || isOverdue(ctx, t, w);

/** Only the database clock decides (L9). */
export const isOverdue = (ctx: Context, t: State, w: number): boolean => ctx.spec(w).deadline === true && (t.late || ctx.broken.deadlineByLocalClock === true);

export function callersOf(ctx: Context, t: State, P: Process, w: number): State['callers'] {
  return t.callers.filter((c, k) => {
    const spec = ctx.scenario.callers[k];
    return spec !== undefined && spec.workflow === w && t.processes[spec.process] === P && c.state === 'running';
  });
}

/** Callers wait for what somebody else makes of it. */
export function observe(ctx: Context, t: State, P: Process, w: number): void {
  for (const c of callersOf(ctx, t, P, w)) c.state = 'observing';
  P.runs[w] = null;
}

/** Nothing of a void run reaches its body any more; open transactions are rolled back, its unsent groups are dropped. */
export function voidRun(ctx: Context, t: State, P: Process, w: number): void {
  const run = runOf(P, w);
  if (run === null || run.void) return;
  if (ctx.broken.voidThrows && throwInto(ctx, t, P, w, run)) return;
  run.void = true;
  run.outcome = '';
  run.end = null;
  t.backends = t.backends.filter((b) => !(t.processes[b.process] === P && b.kind === 'transaction' && b.w === w && b.state === 'open'));
  const dropped = P.queue.filter((g) => g.w === w && g.why !== 'start');
  P.queue = P.queue.filter((g) => !dropped.includes(g));
  for (const row of dropped.flatMap((g) => g.rows)) settleRow(P, row, 'buffer');
  for (const step of run.steps) Object.assign(step, { phase: 'idle', given: '' });
}

/** Broken on purpose: the failure reaches the body as an exception. */
function throwInto(ctx: Context, t: State, P: Process, w: number, run: Run): boolean {
  const i = run.steps.findIndex((s) => s.phase === 'flight');
  if (i < 0) return false;
  Object.assign(run, { outcome: '', end: null });
  const call = ctx.planOf(w, run).calls[i];
  Object.assign(stepAt(run, i), { phase: 'idle', given: '!' });
  if (call !== undefined) decide(call, '!', run.decided);
  settle(ctx, t, P, w);
  return true;
}
