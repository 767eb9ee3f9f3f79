/** Writing transactions: BEGIN, the final flight, its answer, and the lost answer (DESIGN 4.2-4.5, L1-L3). */
import type { Moves } from '../checker/model.js';
import { effectOf, type Outcome, type Planned } from './body.js';
import { flightOf, hasSibling, isDurable, settleCarrier, takePlace, takeRows, withJournal, withOutcome } from './buffer.js';
import { nameOf, processAt, recordOf, runAt, runOf, stepAt, type Context } from './context.js';
import { learnFence } from './fence.js';
import { answerCallers, deliver, finish, giveParent, observe, settle, voidRun } from './runs.js';
import { blankBackend } from './backend.js';
import type { Backend, Process, Row, Run, State } from './state.js';

export function transactionMoves(ctx: Context, s: State, p: number, w: number, call: Planned, barrier: () => void, to: Moves<State>): void {
  const P = processAt(s, p);
  const step = stepAt(runAt(P, w), call.id);
  const name = `${nameOf(p)} ${w}.${call.id}`;
  if (step.phase === 'idle' && step.value === '') {
    const waits = hasSibling(ctx, P, w, call.id) && !isDurable(ctx, P, w);
    const early = ctx.broken.secondCommitsAlone || ctx.broken.twoCarriers || ctx.broken.waitsAfterBegin;
    if (waits && !early) barrier();
    else if (call.locks !== 'first' || !s.backends.some((b) => b.holdsLock))
      to.step(`${name}: BEGIN and the user's statements`, (t) => begin(ctx, t, p, w, call));
  }
  const k = s.backends.findIndex((b) => b.kind === 'transaction' && b.process === p && b.w === w && b.i === call.id && b.attached);
  const b = s.backends[k];
  if (step.phase !== 'open' || b === undefined || b.killed) return;
  if (s.budget.userError > 0) to.fault(`${name}: the user's code throws`, (t) => userError(ctx, t, p, k));
  if (b.needsLock) {
    if (!s.backends.some((o) => o !== b && o.holdsLock))
      to.step(`${name}: second statement`, (t) => Object.assign(t.backends[k] as Backend, { needsLock: false, holdsLock: true }));
    return;
  }
  const ready = ctx.broken.waitsAfterBegin
    ? b.rows.some((r) => r.type === 'start') || isDurable(ctx, P, w)
    : !withJournal(ctx, P, w) || ctx.broken.commitsWithoutWaiting || ctx.broken.secondCommitsAlone;
  if (!ready) return;
  const straight = isStraight(ctx, P, w);
  to.step(`${name}: final flight${straight ? ', value handed over' : ''}`, (t) => finalFlight(ctx, t, p, k, straight));
  if (straight && ctx.scenario.atOnce) to.step(`${name}: final flight at once`, (t) => finalFlight(ctx, t, p, k, false));
}

/** No other call of the run is outstanding. */
function isStraight(ctx: Context, P: Process, w: number): boolean {
  const run = runAt(P, w);
  return ctx.planOf(w, run).calls.filter((c) => run.steps[c.id]?.given === '').length === 1;
}

function begin(ctx: Context, t: State, p: number, w: number, call: Planned): void {
  const P = processAt(t, p);
  if (ctx.scenario.pooler && t.executors[P.executor]?.fenced) return learnFence(ctx, t, P); // BEGIN flies with the lock of the executor row
  const run = runAt(P, w);
  const value = effectOf(call);
  stepAt(run, call.id).phase = 'open';
  const takesEarly = (ctx.broken.secondCommitsAlone || ctx.broken.waitsAfterBegin) && !hasSibling(ctx, P, w, call.id);
  const rows = takesEarly ? takeRows(ctx, P, w, flightOf(w, call.id)) : [];
  t.backends.push({
    ...blankBackend('transaction', p, P.executor),
    state: 'open',
    w,
    i: call.id,
    rows,
    effects: [{ w, i: call.id, value }],
    value,
    holdsLock: call.locks === 'first',
    needsLock: call.locks === 'second',
  });
}

/** The transaction is rolled back, then the error is the step's result (L2). */
function userError(ctx: Context, t: State, p: number, k: number): void {
  t.budget.userError--;
  const [b] = t.backends.splice(k, 1) as [Backend];
  const P = processAt(t, p);
  settleCarrier(P, flightOf(b.w, b.i), 'buffer');
  if (ctx.broken.failedFunctionCommits) t.backends.push({ ...b, attached: false, state: 'sent', rows: [] });
  deliver(ctx, t, P, b.w, b.i, '!', ctx.broken.errorNotRecorded ? '' : 'buffer');
}

/** Engine rows and COMMIT fly together; of a straight-line body that ended, the outcome too (4.4). */
function finalFlight(ctx: Context, t: State, p: number, k: number, handOver: boolean): void {
  const P = processAt(t, p);
  const b = t.backends[k] as Backend;
  const { w, i } = b;
  const run = runAt(P, w);
  const carrier = flightOf(w, i);
  const call = ctx.planOf(w, run).calls[i] as Planned;
  const rows: Row[] = [...b.rows, ...takeRows(ctx, P, w, carrier)];
  if (call.target >= 0 && !ctx.broken.outboxAfterCommit)
    rows.push({ type: 'start', w: call.target, executor: P.executor, epoch: 1, outcome: null, foreign: true });
  if (ctx.spec(w).direct !== true)
    rows.push({ type: 'record', w, executor: P.executor, epoch: run.epoch, i, kind: 'write', input: call.input, value: b.value, order: takePlace(run, i) });
  const end = handOver || ctx.spec(w).direct ? endAfter(ctx, w, run, i, b.value) : null;
  const rides = end !== null && !ctx.broken.recordInOwnCommit;
  Object.assign(b, { handedOver: handOver, state: 'sent', rows: rides ? withOutcome(rows, w, P.executor, run.epoch, end) : rows });
  stepAt(run, i).phase = 'flight';
  if (rides) Object.assign(run, { end, outcome: carrier });
  leak(ctx, t, P, b, end);
}

/** How the body ends once it has the value; null if it calls another step. */
function endAfter(ctx: Context, w: number, run: Run, i: number, value: string): Outcome | null {
  const steps = run.steps.map((s, j) => (j === i ? { ...s, given: value } : s));
  return ctx.planOf(w, { ...run, steps }).end;
}

/** Broken on purpose: something leaves the process on an unanswered commit, or the record is not in it. */
function leak(ctx: Context, t: State, P: Process, b: Backend, end: Outcome | null): void {
  if (ctx.broken.childEarly && end !== null) giveParent(ctx, t, P, b.w, end);
  if (ctx.broken.resultLeaks && end !== null) answerCallers(ctx, t, P, b.w, end);
  if (ctx.broken.nextStepEarly && end === null) stepAt(runAt(P, b.w), b.i).given = b.value;
  if (!ctx.broken.recordInOwnCommit) return;
  t.backends.push({ ...b, rows: [], attached: false });
  b.effects = [];
}

export function answerTransaction(ctx: Context, t: State, P: Process, b: Backend): void {
  const { w, i } = b;
  const carrier = flightOf(w, i);
  const run = runOf(P, w);
  const ended = run?.outcome === carrier;
  const committed = b.state === 'committed';
  settleCarrier(P, carrier, committed || ctx.broken.rowsLost ? 'durable' : 'buffer');
  if (run === null || run.void || run.steps[i]?.phase === 'idle') return;
  const target = ctx.planOf(w, run).calls[i]?.target ?? -1;
  if (committed || (b.why === 'conflict' && !b.conflictMine && ctx.broken.loserContinues)) {
    if (target >= 0 && ctx.broken.outboxAfterCommit) startAfterwards(t, P, b, target);
    deliver(ctx, t, P, w, i, b.value, 'durable');
    if (ended) finish(ctx, t, P, w);
  } else if (b.why === 'conflict' && b.conflictMine && ctx.broken.ownRowTakenForLoss) observe(ctx, t, P, w);
  else if (b.why === 'conflict' || (b.handedOver && ctx.broken.rereadsTooEarly)) for (const u of new Set([...b.rows.map((r) => r.w), w])) voidRun(ctx, t, P, u);
  else if (b.why === 'refused' || b.handedOver)
    voidRun(ctx, t, P, w); // the body was given a value that never became durable; ancestors lost nothing
  else if (b.why === 'serialization' && ctx.broken.infrastructureRecorded) deliver(ctx, t, P, w, i, '!', 'buffer');
  else retry(ctx, t, P, w, i, ended);
}

/** Rolled back without a conflict, and the body was given nothing: tried again. */
function retry(ctx: Context, t: State, P: Process, w: number, i: number, ended: boolean): void {
  const run = runAt(P, w);
  Object.assign(stepAt(run, i), { phase: 'idle', given: '', order: 0 });
  if (ended) run.end = null;
  settle(ctx, t, P, w); // results that waited for this one
}

/** Broken on purpose: the workflow of an outbox is started after the commit. */
function startAfterwards(t: State, P: Process, b: Backend, target: number): void {
  t.backends.push({
    ...blankBackend('journal', b.process, P.executor),
    attached: false,
    rows: [{ type: 'start', w: target, executor: P.executor, epoch: 1, outcome: null, foreign: true }],
  });
}

/** The connection is lost; what became of its work is not known. */
export function loseBackend(P: Process, b: Backend): void {
  if (b.kind === 'claim' && P.takeover?.of === b.from && P.takeover.stage === 'claiming') P.takeover = { of: b.from, stage: 'terminate' };
  const run = b.kind === 'transaction' ? runOf(P, b.w) : null;
  const step = run?.steps[b.i];
  if (run == null || step === undefined) return;
  if (run.void) settleCarrier(P, flightOf(b.w, b.i), 'buffer');
  else if (step.phase === 'open' || step.phase === 'flight') step.phase = b.handedOver ? 'lostAfterHandOver' : 'lost';
}

/** L3: once the old backend is gone, the record tells what became of the commit. */
export function lookUpMoves(ctx: Context, s: State, p: number, w: number, to: Moves<State>): void {
  runAt(processAt(s, p), w).steps.forEach((step, i) => {
    if (step.phase !== 'lost' && step.phase !== 'lostAfterHandOver') return;
    const old = s.backends.some((b) => b.kind === 'transaction' && b.process === p && b.w === w && b.i === i);
    if (!old || ctx.broken.oldBackendNotAwaited) to.step(`${nameOf(p)} ${w}.${i}: looks its record up`, (t) => lookUp(ctx, t, processAt(t, p), w, i));
  });
}

function lookUp(ctx: Context, t: State, P: Process, w: number, i: number): void {
  const run = runAt(P, w);
  const carrier = flightOf(w, i);
  const record = recordOf(ctx, t, w, i);
  const ended = run.outcome === carrier;
  if (record !== null && record.executor === P.executor && record.epoch === run.epoch) {
    settleCarrier(P, carrier, 'durable');
    deliver(ctx, t, P, w, i, record.value, 'durable');
    if (ended) finish(ctx, t, P, w);
    return;
  }
  settleCarrier(P, carrier, 'buffer');
  if (record !== null || run.steps[i]?.phase === 'lostAfterHandOver') return voidRun(ctx, t, P, w);
  retry(ctx, t, P, w, i, ended);
}
