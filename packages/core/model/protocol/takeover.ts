/** Takeover (DESIGN 4.6 items 2 to 4): fence, end the old backends, wait for the exclusive lock, claim in a new statement. */
import type { Moves } from '../checker/model.js';
import { blankBackend } from './backend.js';
import { isClaimable, laneIsFree } from './claim.js';
import { nameOf, processAt, type Context } from './context.js';
import type { Backend, Process, State } from './state.js';
import { createRun } from './runs.js';

export function takeoverMoves(ctx: Context, s: State, p: number, to: Moves<State>): void {
  const P = processAt(s, p);
  if (P.takeover === null) {
    startMoves(ctx, s, p, to);
    return;
  }
  const { of, stage } = P.takeover;
  const held = isHeld(ctx, s, of);
  if (stage === 'terminate' && held)
    to.step(`${nameOf(p)}: terminates the backends of executor ${of}`, (t) => {
      terminate(ctx, t, of);
      if (ctx.broken.exclusiveLockNotAwaited) processAt(t, p).takeover = { of, stage: 'claim' };
    });
  const old = s.backends.some((b) => b.kind === 'claim' && b.process === p && !ctx.broken.laneForgetsLostClaims); // a lost claim is over before the next one
  if (stage === 'terminate' && !held && !old)
    to.step(`${nameOf(p)}: gets the exclusive lock of executor ${of}, sends a claim`, (t) => sendClaim(ctx, t, p, of));
  if (stage === 'claim') to.step(`${nameOf(p)}: sends a claim from executor ${of}`, (t) => sendClaim(ctx, t, p, of));
}

function startMoves(ctx: Context, s: State, p: number, to: Moves<State>): void {
  const P = processAt(s, p);
  s.executors.forEach((e, x) => {
    if (x === P.executor) return;
    if (!e.fenced && (e.lapsed || ctx.broken.fencesTheLiving)) to.step(`${nameOf(p)}: fences executor ${x}`, (t) => fence(ctx, t, p, x));
    if (e.fenced && e.inScan && !ctx.broken.leavesScanEarly && isClaimable(ctx, s, P, x))
      to.step(`${nameOf(p)}: goes on with the takeover of executor ${x}`, (t) => void (processAt(t, p).takeover = { of: x, stage: 'terminate' }));
  });
}

/** By a conditional update, committed. */
function fence(ctx: Context, t: State, p: number, x: number): void {
  const P = processAt(t, p);
  Object.assign(t.executors[x] as object, { fenced: true, inScan: true });
  P.takeover = { of: x, stage: ctx.broken.fenceTakenForWait ? 'claim' : 'terminate' };
  if (!ctx.broken.claimsWithFence) return;
  Object.assign(t.executors[x] as object, { inScan: false, claimedFrom: true });
  P.takeover = null;
  t.workflows.forEach((row, w) => {
    if (row?.owner !== x || row.status !== 'PENDING') return;
    Object.assign(row, { owner: P.executor, epoch: row.epoch + 1 });
    createRun(ctx, t, P, w, row.epoch, null);
  });
}

/** Somebody holds the shared lock of the executor, or behind a pooler the lock of its row. */
function isHeld(ctx: Context, s: State, x: number): boolean {
  if (ctx.scenario.pooler)
    return s.backends.some((b) => b.executor === x && (b.state === 'checked' || (b.kind === 'transaction' && (b.state === 'open' || b.state === 'sent'))));
  return s.backends.some((b) => b.executor === x && holdsLock(ctx, b)) || s.processes.some((q) => q.executor === x && isOpen(ctx, q));
}

const holdsLock = (ctx: Context, b: Backend): boolean => !ctx.broken.claimWithoutLock || b.kind === 'transaction' || b.kind === 'journal';

const isOpen = (ctx: Context, q: Process): boolean => q.connection === 'usable' || (q.connection === 'locked' && !ctx.broken.fenceReadBeforeLock);

/** pg_terminate_backend returns before the backend is gone, and its COMMIT can still succeed. */
function terminate(ctx: Context, t: State, x: number): void {
  for (const b of t.backends) if (b.executor === x && holdsLock(ctx, b)) b.killed = true;
  if (!ctx.scenario.pooler) for (const q of t.processes) if (q.executor === x && isOpen(ctx, q)) q.connection = 'none';
}

function sendClaim(ctx: Context, t: State, p: number, of: number): void {
  const P = processAt(t, p);
  const listed = ctx.broken.claimsListedRows ? t.workflows.flatMap((row, w) => (row?.owner === of && row.status === 'PENDING' ? [w] : [])) : [];
  t.backends.push({ ...blankBackend('claim', p, P.executor), from: of, lane: laneIsFree(ctx, t, P) ? 'again' : 'first', got: listed });
  P.takeover = { of, stage: 'claiming' };
}
