/** The steps of a run that are not yet settled, and what each may do next (DESIGN 4.3, 4.4). */
import type { Moves } from '../checker/model.js';
import { effectOf, type Planned } from './body.js';
import { hasSibling, inBuffer, isDurable, takePlace, takeRows, withFlight } from './buffer.js';
import { broke, isPending, isTerminal, nameOf, outcomeResult, processAt, rowAt, runAt, runOf, stepAt, type Context } from './context.js';
import { push } from './journal.js';
import { crash } from './process.js';
import { createRun, deliver, isAsked } from './runs.js';
import type { Process, Row, Run, State } from './state.js';
import { transactionMoves } from './transaction.js';

/** Every start of a step compares the monotonic deadline of the lease (4.6). */
const mayStart = (ctx: Context, P: Process): boolean => !P.expired || ctx.broken.leaseNotCompared === true;

export function stepMoves(ctx: Context, s: State, p: number, w: number, call: Planned, to: Moves<State>): void {
  const P = processAt(s, p);
  const step = stepAt(runAt(P, w), call.id);
  const name = `${nameOf(p)} ${w}.${call.id}`;
  if (step.phase === 'calling') return returnMoves(ctx, s, p, w, call, name, to);
  if (step.phase === 'idle' && !mayStart(ctx, P)) return;
  const barrier = (): void => {
    if (inBuffer(ctx, P, w) && !withFlight(ctx, P, w)) to.step(`${name}: barrier: buffer to the journal`, (t) => flush(ctx, t, p, w));
  };
  if (call.kind === 'write') return transactionMoves(ctx, s, p, w, call, barrier, to);
  if (step.phase !== 'idle' || (step.value !== '' && call.kind !== 'sleep')) return;
  const here = (t: State): Process => processAt(t, p);
  if (call.kind === 'read') to.step(`${name}: reads the cell: ${s.cell}`, (t) => deliver(ctx, t, here(t), w, call.id, `r${t.cell}`, 'buffer'));
  else if (call.kind === 'winner') {
    const won = runAt(P, w).decided[call.stage - 1] as number;
    to.step(`${name}: records that step ${won} won the race`, (t) => deliver(ctx, t, here(t), w, call.id, `f${won}`, 'buffer'));
  } else if (call.kind === 'call') callMoves(ctx, s, p, w, call, barrier, to);
  else if (call.kind === 'send' && !withFlight(ctx, P, w)) to.step(`${name}: send: group to the journal`, (t) => sendMessage(ctx, t, p, w, call));
  else if (call.kind === 'sleep' && step.value === '' && !withFlight(ctx, P, w))
    to.step(`${name}: sleep: group to the journal`, (t) => startSleep(ctx, t, p, w, call));
  else if (call.kind === 'sleep' || call.kind === 'wait') waitMoves(ctx, s, p, w, call, barrier, to);
  else if (call.kind === 'child') childMoves(ctx, s, p, w, call, to);
  else if (call.kind === 'poison') to.step(`${name}: the body kills its process`, (t) => crash(ctx, t, p));
}

export function flush(ctx: Context, t: State, p: number, w: number): void {
  const P = processAt(t, p);
  push(ctx, P, w, takeRows(ctx, P, w, 'journal'));
}

/** A record in a group of its own step. */
function groupRows(ctx: Context, P: Process, w: number, call: Planned, value: string): Row[] {
  const rows = takeRows(ctx, P, w, 'journal');
  const run = runAt(P, w);
  Object.assign(stepAt(run, call.id), { phase: 'group', row: 'journal' });
  return [
    ...rows,
    { type: 'record', w, executor: P.executor, epoch: run.epoch, i: call.id, kind: call.kind, input: call.input, value, order: takePlace(run, call.id) },
  ];
}

function sendMessage(ctx: Context, t: State, p: number, w: number, call: Planned): void {
  const P = processAt(t, p);
  const value = effectOf(call);
  push(ctx, P, w, groupRows(ctx, P, w, call, value), { effects: [{ w, i: call.id, value }], why: 'step', i: call.id, value });
}

/** The time at which it ends is recorded before it begins. */
function startSleep(ctx: Context, t: State, p: number, w: number, call: Planned): void {
  const P = processAt(t, p);
  push(ctx, P, w, groupRows(ctx, P, w, call, 'z'), { why: 'step', i: call.id, value: 'z' });
}

/** A run that only waits is parked: it holds nothing in memory, and the row says that nobody runs it. */
function waitMoves(ctx: Context, s: State, p: number, w: number, call: Planned, barrier: () => void, to: Moves<State>): void {
  const P = processAt(s, p);
  const run = runAt(P, w);
  if (call.kind === 'sleep' && s.due[w]) {
    to.step(`${nameOf(p)} ${w}.${call.id}: the sleep is over`, (t) => deliver(ctx, t, processAt(t, p), w, call.id, 'z', 'durable'));
    return;
  }
  if (isAsked(ctx, s, w, run)) return; // it ends instead
  if (hasSibling(ctx, P, w, call.id) || isOpenBeside(ctx, run, w, call) || withFlight(ctx, P, w)) return;
  if (ctx.parent(w) !== undefined && runOf(P, ctx.parent(w) as number) !== null) return barrier(); // its parent waits here, in memory
  to.step(`${nameOf(p)} ${w}.${call.id}: parks: group to the journal`, (t) => {
    const Q = processAt(t, p);
    const rows = takeRows(ctx, Q, w, 'journal');
    const { epoch } = runAt(Q, w);
    stepAt(runAt(Q, w), call.id).phase = 'group';
    push(ctx, Q, w, [...rows, { type: 'park', w, executor: Q.executor, epoch }], { why: 'park', i: call.id });
  });
}

const isOpenBeside = (ctx: Context, run: Run, w: number, call: Planned): boolean =>
  ctx.planOf(w, run).calls.some((c) => c.id !== call.id && run.steps[c.id]?.given === '');

/** A communicator starts only when all that its run was given is durable: what it does cannot be taken back. */
function callMoves(ctx: Context, s: State, p: number, w: number, call: Planned, barrier: () => void, to: Moves<State>): void {
  const P = processAt(s, p);
  const early = ctx.broken.communicatorEarly || (ctx.broken.nextStepEarly && P.runs[w]?.start !== 'buffer');
  if (!isDurable(ctx, P, w) && !early) return barrier();
  to.step(`${nameOf(p)} ${w}.${call.id}: communicator starts`, (t) => {
    const Q = processAt(t, p);
    checkCall(t, Q, p, w, call.id);
    const calls = t.calls[w] as number[];
    calls[call.id] = Math.min(3, (calls[call.id] as number) + 1);
    stepAt(runAt(Q, w), call.id).phase = 'calling';
  });
}

function checkCall(t: State, P: Process, p: number, w: number, i: number): void {
  const what = `communicator ${w}.${i} started`;
  const row = t.workflows[w] ?? null;
  const run = runAt(P, w);
  const executor = t.executors[P.executor];
  if (executor?.lapsed === true || executor?.fenced === true) broke(t, `${what} by ${nameOf(p)} after the end of its lease`);
  if (t.records[w]?.[i] != null) broke(t, `${what} although its record exists`);
  if (row === null) broke(t, `${what} before the start row is durable`);
  else if (row.owner !== P.executor || row.epoch !== run.epoch) broke(t, `${what} by ${nameOf(p)}, which does not own the workflow`);
  run.steps.forEach((step, j) => {
    if (step.given !== '' && t.records[w]?.[j]?.value !== step.given) broke(t, `${what} on the result of step ${j}, which is not durable`);
  });
}

function returnMoves(ctx: Context, s: State, p: number, w: number, call: Planned, name: string, to: Moves<State>): void {
  to.step(`${name}: communicator returns`, (t) => deliver(ctx, t, processAt(t, p), w, call.id, `c${t.calls[w]?.[call.id] ?? 0}`, 'buffer'));
  if (s.budget.userError > 0)
    to.fault(`${name}: communicator throws`, (t) => {
      t.budget.userError--;
      deliver(ctx, t, processAt(t, p), w, call.id, '!', 'buffer');
    });
}

function childMoves(ctx: Context, s: State, p: number, w: number, call: Planned, to: Moves<State>): void {
  const P = processAt(s, p);
  const child = call.target;
  const name = `${nameOf(p)} ${w}.${call.id}`;
  if (runOf(P, child) !== null) return;
  const row = s.workflows[child] ?? null;
  const own = row?.status === 'CANCELLED' && isAsked(ctx, s, w, runAt(P, w));
  if (isTerminal(s, child) && !own) to.step(`${name}: takes the outcome of child ${child}`, (t) => takeOutcome(ctx, t, p, w, call));
  if (row === null) to.step(`${name}: starts inline child ${child}`, (t) => createRun(ctx, t, processAt(t, p), child, 1, null));
}

function takeOutcome(ctx: Context, t: State, p: number, w: number, call: Planned): void {
  const child = rowAt(t, call.target);
  const again = t.budget.cancel === 0 && ctx.scenario.budget.cancel === 1; // nobody has cancelled since
  if (child.status === 'CANCELLED' && again && t.workflows[w]?.resumed && !child.resumed)
    broke(t, `workflow ${w} was resumed, and takes its own earlier cancellation for the result of child ${call.target}`);
  deliver(ctx, t, processAt(t, p), w, call.id, outcomeResult(child), 'buffer');
}

/** A child of the run is alive, here or elsewhere. */
export const childAlive = (ctx: Context, s: State, P: Process, call: Planned): boolean =>
  call.kind === 'child' && (runOf(P, call.target) !== null || (isPending(s, call.target) && !ctx.broken.childElsewhereForgotten));
