/** Callers, and third parties that cancel, resume, fork or delete. */
import type { Moves } from '../checker/model.js';
import { blankBackend } from './backend.js';
import { isCarried } from './buffer.js';
import { isTerminal, nameOf, processAt, rowAt, runOf, type Context } from './context.js';
import { push } from './journal.js';
import { requestEnd } from './outcome.js';
import { adopt, createFreshRun, createRun } from './runs.js';
import type { CallerSpec } from './scenario.js';
import { STEPS, type Caller, type State } from './state.js';

export function callerMoves(ctx: Context, s: State, p: number, to: Moves<State>): void {
  s.callers.forEach((c, k) => {
    const spec = ctx.scenario.callers[k];
    if (spec?.process !== p) return;
    if (ctx.spec(spec.workflow).fork !== undefined) forkMoves(ctx, s, p, k, spec.workflow, to);
    else if ((c.state === 'new' && !s.deleted[spec.workflow]) || c.state === 'lookup') callMoves(ctx, s, p, k, spec.workflow, to);
  });
}

/** Observers are answered as soon as they can be: later tells nothing more. */
export function answerObservers(ctx: Context, t: State): void {
  t.callers.forEach((c, k) => {
    const { process, workflow } = ctx.scenario.callers[k] as CallerSpec;
    const row = t.workflows[workflow];
    const P = processAt(t, process);
    if (c.state === 'observing' && row == null && t.timeline > 0) c.state = 'gone'; // lost with the old primary: an error
    if (c.state !== 'observing' || row == null || row.status === 'PENDING' || P.state !== 'up' || P.connection !== 'usable') return;
    Object.assign(c, { state: 'answered', told: { status: row.status, value: row.value } });
  });
}

/** A generated id, or one that runs here already, needs no lookup; an explicit id is looked up first (4.3). */
function callMoves(ctx: Context, s: State, p: number, k: number, w: number, to: Moves<State>): void {
  const P = processAt(s, p);
  const { explicit, started } = ctx.spec(w);
  const run = runOf(P, w);
  const known = run !== null && !run.void;
  const unseen = (explicit !== true && started !== true) || ctx.broken.explicitNotLookedUp;
  if (s.callers[k]?.state === 'new' && (known || unseen))
    to.step(`client: calls workflow ${w} at ${nameOf(p)}`, (t) => {
      (t.callers[k] as Caller).state = 'running';
      if (runOf(processAt(t, p), w) === null) createFreshRun(ctx, t, processAt(t, p), w);
    });
  else to.step(`client: calls workflow ${w} at ${nameOf(p)}: the id is looked up`, (t) => lookUp(ctx, t, p, k, w));
}

function lookUp(ctx: Context, t: State, p: number, k: number, w: number): void {
  const P = processAt(t, p);
  const caller = t.callers[k] as Caller;
  if (runOf(P, w) !== null) caller.state = 'running';
  else if (t.workflows[w] != null) Object.assign(caller, { state: 'observing', acknowledged: true });
  else if (ctx.spec(w).started !== true) {
    caller.state = 'running';
    createRun(ctx, t, P, w, 1, null);
  } else {
    caller.state = 'starting';
    if (ctx.broken.acknowledgedEarly) caller.acknowledged = true;
    push(ctx, P, w, [{ type: 'start', w, executor: P.executor, epoch: 1, outcome: null, foreign: true }], { why: 'start', caller: k, epoch: 1 });
  }
}

function forkMoves(ctx: Context, s: State, p: number, k: number, w: number, to: Moves<State>): void {
  const { of, step } = ctx.spec(w).fork as { of: number; step: number };
  const caller = s.callers[k] as Caller;
  const lost = (caller.state === 'starting' || caller.state === 'lookup') && !s.backends.some((b) => b.kind === 'fork' && b.process === p && b.w === w);
  if (!lost && (caller.state !== 'new' || s.workflows[of] == null || s.budget.fork === 0)) return;
  to.step(`client: forks workflow ${of} from step ${step} as workflow ${w} at ${nameOf(p)}`, (t) => {
    (t.callers[k] as Caller).state = 'starting';
    t.backends.push({ ...blankBackend('fork', p, processAt(t, p).executor), w });
  });
}

/** Each poll: unparked PENDING rows that carry my id, and that I neither run nor have in flight (4.5); parked rows whose time has come. */
export function pollMoves(ctx: Context, s: State, p: number, to: Moves<State>): void {
  const P = processAt(s, p);
  s.workflows.forEach((row, w) => {
    if (row?.status !== 'PENDING' || isInFlight(ctx, s, p, w)) return;
    if (row.owner === P.executor && runOf(P, w) === null && !ctx.broken.ownRowsNotAdopted)
      to.step(`${nameOf(p)}: finds workflow ${w} its own and not running`, (t) => adopt(ctx, t, processAt(t, p), w));
    const overdue = ctx.spec(w).deadline === true && s.late && !ctx.broken.parkedMissDeadline;
    if (row.owner === -1 && (s.due[w] || overdue))
      to.step(`${nameOf(p)}: wakes workflow ${w}`, (t) => {
        t.backends.push({ ...blankBackend('wake', p, processAt(t, p).executor), w });
      });
  });
}

function isInFlight(ctx: Context, s: State, p: number, w: number): boolean {
  const starting = s.callers.some(
    (c, k) => ctx.scenario.callers[k]?.process === p && ctx.scenario.callers[k]?.workflow === w && (c.state === 'lookup' || c.state === 'starting'),
  );
  return starting && ctx.spec(w).fork === undefined ? true : s.backends.some((b) => b.process === p && b.attached && b.w === w && b.kind !== 'transaction');
}

export function thirdPartyMoves(ctx: Context, s: State, to: Moves<State>): void {
  s.workflows.forEach((row, w) => {
    if (row === null) return;
    if (s.budget.cancel > 0 && !row.cancelRequested && (row.status === 'PENDING' || (row.status === 'DEAD' && ctx.broken.cancelsTheDead)))
      to.fault(`client: cancels workflow ${w}`, (t) => {
        t.budget.cancel--;
        requestEnd(ctx, rowAt(t, w));
      });
    const root = ctx.parent(w) === undefined || ctx.broken.childrenResumed;
    if (s.budget.resume > 0 && root && isTerminal(s, w) && row.status !== 'SUCCESS') resumeMoves(s, w, to);
    if (s.budget.retention > 0 && ctx.parent(w) === undefined && isTerminal(s, w) && (ctx.broken.retentionAtOnce || !isUsed(ctx, s, w)))
      to.fault(`retention deletes workflow ${w}`, (t) => {
        t.budget.retention--;
        t.workflows[w] = null;
        t.deleted[w] = true;
        t.records[w] = Array<null>(STEPS).fill(null);
      });
  });
}

/** Somebody may still insert its start row: the time of the longest transaction has not passed. */
const isUsed = (ctx: Context, s: State, w: number): boolean =>
  s.processes.some((P, p) => runOf(P, w) !== null || isCarried(s, p, w)) ||
  s.callers.some((c, k) => ctx.scenario.callers[k]?.workflow === w && c.state !== 'new' && c.state !== 'answered' && c.state !== 'gone');

function resumeMoves(s: State, w: number, to: Moves<State>): void {
  s.processes.forEach((P, p) => {
    if (P.state !== 'up' || P.connection !== 'usable') return;
    to.fault(`client: resumes workflow ${w} at ${nameOf(p)}`, (t) => {
      t.budget.resume--;
      t.backends.push({ ...blankBackend('resume', p, processAt(t, p).executor), w });
    });
  });
}
