/** Processes: crash, stop, restart, shutdown, connections, lease. */
import type { Moves } from '../checker/model.js';
import { nameOf, processAt, type Context } from './context.js';
import { callersHere, learnFence, learnTimeline, register } from './fence.js';
import type { ExecutorRow, State } from './state.js';

/** So that the states are finitely many: after as many starts nobody starts any more. */
const mostExecutors = 7;
const mostInWalks = 60;

/** Life and death. Answers whether the process can do anything else. */
export function lifeMoves(ctx: Context, s: State, p: number, to: Moves<State>): boolean {
  const P = processAt(s, p);
  const name = nameOf(p);
  const restarts = ctx.scenario.anyVictim === true || (p === 0 && s.processes.every((q) => q.state === 'dead'));
  if (P.state === 'dead' && restarts && s.executors.length < (ctx.scenario.anyVictim ? mostInWalks : mostExecutors))
    to.step(`${name}: restarted as a new executor`, (t) => {
      const Q = processAt(t, p);
      Q.state = 'up';
      register(t, Q);
    });
  if (P.state === 'dead') return false;
  if (s.budget.crash > 0)
    to.fault(`fault: ${name} crashes`, (t) => {
      t.budget.crash--;
      crash(ctx, t, p);
    });
  if (P.state === 'stopped') {
    to.step(`${name}: SIGCONT`, (t) => void (processAt(t, p).state = 'up'));
    return false;
  }
  if (s.budget.stop > 0 && (p === 0 || ctx.scenario.anyVictim))
    to.fault(`fault: ${name}: SIGSTOP`, (t) => {
      t.budget.stop--;
      processAt(t, p).state = 'stopped';
    });
  return true;
}

/** What was sent may still be done by the server. */
export function crash(ctx: Context, t: State, p: number): void {
  const P = processAt(t, p);
  for (const c of callersHere(ctx, t, P)) if (c.state !== 'new' && c.state !== 'answered') c.state = 'gone';
  P.runs.fill(null);
  Object.assign(P, { state: 'dead', connection: 'none', queue: [], batch: null, takeover: null, renewal: '' });
  t.backends = t.backends.filter((b) => b.process !== p || b.state === 'sent' || b.state === 'checked');
  for (const b of t.backends) if (b.process === p) b.attached = false;
  const row = t.executors[P.executor];
  if (row !== undefined) row.lapsed = true; // in time; nothing can depend on when
}

/** Each new connection takes the shared lock, then reads the fence (4.6 item 1). Answers whether there is a usable one. */
export function connectionMoves(ctx: Context, s: State, p: number, to: Moves<State>): boolean {
  const P = processAt(s, p);
  const name = nameOf(p);
  const fenced = (t: State): boolean => t.executors[P.executor]?.fenced === true;
  const early = ctx.broken.fenceReadBeforeLock === true;
  if (P.connection === 'none')
    to.step(`${name}: opens a connection: ${early ? 'reads its fence' : `shared lock of executor ${P.executor}`}`, (t) => {
      if (early && fenced(t)) learnFence(ctx, t, processAt(t, p));
      else processAt(t, p).connection = 'locked';
    });
  if (P.connection === 'locked')
    to.step(`${name}: ${early ? 'takes the shared lock' : 'reads its fence'}`, (t) => {
      if (fenced(t) && !early && !ctx.broken.fenceNotRead) learnFence(ctx, t, processAt(t, p));
      else if (P.timeline !== s.timeline && !ctx.broken.timelineNotRead) learnTimeline(ctx, t, processAt(t, p));
      else processAt(t, p).connection = 'usable';
    });
  return P.connection === 'usable';
}

/** The lease counts from the sending of its renewal, and the renewal sees the fence. */
export function leaseMoves(ctx: Context, s: State, p: number, to: Moves<State>): void {
  const P = processAt(s, p);
  const slow = ctx.scenario.slowRenewal === true;
  if (P.connection === 'usable' && P.renewal === '' && (P.expired || slow))
    to.step(`${nameOf(p)}: ${slow ? 'sends a renewal of' : 'renews'} its lease`, (t) => {
      const Q = processAt(t, p);
      const row = t.executors[Q.executor] as ExecutorRow;
      if (row.fenced && !ctx.broken.renewalIgnoresFence) return learnFence(ctx, t, Q);
      row.lapsed = false;
      if (slow) Q.renewal = 'fresh';
      else Q.expired = false;
    });
  if (P.renewal !== '')
    to.step(`${nameOf(p)}: the renewal is answered`, (t) => {
      const Q = processAt(t, p);
      if (Q.renewal === 'fresh' || ctx.broken.leaseFromAnswer) Q.expired = false;
      Q.renewal = '';
    });
}

/** The leases of the living lapse as a fault. */
export function lapseMoves(ctx: Context, s: State, to: Moves<State>): void {
  s.executors.forEach((e, x) => {
    const p = s.processes.findIndex((q) => q.executor === x && q.state !== 'dead');
    if (!e.lapsed && !e.fenced && p >= 0 && s.budget.lapse > 0 && (p === 0 || ctx.scenario.anyVictim))
      to.fault(`the lease of executor ${x} lapses`, (t) => {
        t.budget.lapse--;
        (t.executors[x] as ExecutorRow).lapsed = true;
        const Q = processAt(t, p);
        Object.assign(Q, { expired: true, renewal: Q.renewal === '' ? '' : 'stale' });
      });
  });
}

/** Flush, give back what runs without counting an attempt, fence oneself (4.8). */
export function shutdownMoves(ctx: Context, s: State, p: number, to: Moves<State>): void {
  const P = processAt(s, p);
  const busy = P.queue.length > 0 || P.batch !== null || P.takeover !== null || s.backends.some((b) => b.process === p && b.state !== 'open');
  if (s.budget.shutdown === 0 || busy) return;
  to.fault(`${nameOf(p)}: shuts down`, (t) => {
    t.budget.shutdown--;
    const x = P.executor;
    for (const row of t.workflows) if (row?.owner === x && row.status === 'PENDING') row.released = true;
    crash(ctx, t, p);
    Object.assign(t.executors[x] as ExecutorRow, { fenced: true, inScan: true });
  });
}
