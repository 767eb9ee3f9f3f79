/** An executor learns that it is fenced: it voids its runs, registers anew and goes on (DESIGN 4.6). */
import type { Context } from './context.js';
import { voidRun } from './runs.js';
import type { ExecutorRow, Process, State } from './state.js';

export const newExecutor = (): ExecutorRow => ({ fenced: false, lapsed: false, inScan: false, claimedFrom: false });

export function register(t: State, P: Process): void {
  t.executors.push(newExecutor());
  Object.assign(P, { executor: t.executors.length - 1, expired: false, renewal: '' });
}

export function learnFence(ctx: Context, t: State, P: Process): void {
  dropAll(t, P);
  (t.executors[P.executor] as ExecutorRow).lapsed = true;
  if (ctx.broken.neverRegistersAgain) {
    P.executor = -1;
    P.runs.fill(null);
    for (const c of callersHere(ctx, t, P)) if (c.state !== 'new' && c.state !== 'answered' && c.state !== 'gone') c.state = 'observing';
    return;
  }
  register(t, P);
  if (!ctx.broken.runsKeptUnderNewId) voidAll(ctx, t, P, true);
  lookUpAgain(ctx, t, P);
}

/** Another timeline: what was read and committed may never have been (4.6 item 1). What was buffered rests on it. */
export function learnTimeline(ctx: Context, t: State, P: Process): void {
  dropAll(t, P);
  P.timeline = t.timeline;
  voidAll(ctx, t, P, !ctx.broken.bufferOverFailover);
  lookUpAgain(ctx, t, P);
}

function dropAll(t: State, P: Process): void {
  t.backends = t.backends.filter((b) => t.processes[b.process] !== P || b.state === 'sent' || b.state === 'checked');
  for (const b of t.backends) if (t.processes[b.process] === P) Object.assign(b, { attached: false, killed: true });
  Object.assign(P, { queue: [], batch: null, connection: 'none', takeover: null });
}

function voidAll(ctx: Context, t: State, P: Process, foreign: boolean): void {
  P.runs.forEach((run, w) => {
    if (run === null) return;
    voidRun(ctx, t, P, w);
    Object.assign(run, { void: true, foreign: run.foreign || foreign });
  });
}

function lookUpAgain(ctx: Context, t: State, P: Process): void {
  for (const c of callersHere(ctx, t, P)) if (c.state === 'starting') c.state = 'lookup';
}

export const callersHere = (ctx: Context, t: State, P: Process): State['callers'] =>
  t.callers.filter((_, k) => t.processes[ctx.scenario.callers[k]?.process ?? -1] === P);
