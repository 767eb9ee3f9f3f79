/** The exactly-once protocol (DESIGN section 4) as a transition system. */
import type { Model, Moves } from '../checker/model.js';
import { compareBackends } from './backend.js';
import { withFlight } from './buffer.js';
import { answerObservers, callerMoves, pollMoves, thirdPartyMoves } from './clients.js';
import { Context, nameOf, processAt } from './context.js';
import { copyState } from './copy.js';
import { newExecutor } from './fence.js';
import { finished, violation } from './invariants.js';
import { journalMoves, sendWhenIdle } from './journal.js';
import { openCalls, outcomeMoves } from './outcome.js';
import { connectionMoves, lapseMoves, leaseMoves, lifeMoves, shutdownMoves } from './process.js';
import { rereadMoves } from './reread.js';
import type { Broken, Scenario } from './scenario.js';
import { serverMoves } from './server.js';
import { STEPS, type Process, type Run, type State } from './state.js';
import { flush, stepMoves } from './steps.js';
import { takeoverMoves } from './takeover.js';
import { lookUpMoves } from './transaction.js';
import { crashDatabase, failoverMoves } from './environment.js';

export function protocol(scenario: Scenario, broken: Broken = {}): Model<State> {
  const ctx = new Context(scenario, broken);
  return {
    initial: () => initial(ctx),
    copy: copyState,
    normalize: (s) => normalize(ctx, s),
    moves: (s, to) => {
      serverMoves(ctx, s, to);
      for (let p = 0; p < s.processes.length; p++) processMoves(ctx, s, p, to);
      environmentMoves(ctx, s, to);
    },
    violation: (s) => violation(ctx, s),
    finished,
  };
}

function initial(ctx: Context): State {
  const each = <T>(make: () => T): T[] => ctx.workflows.map(make);
  const count = ctx.scenario.processes ?? 2;
  const processes = Array.from({ length: count }, (_, p): Process => ({
    state: 'up',
    executor: p,
    connection: 'usable',
    expired: false,
    renewal: '',
    runs: each(() => null),
    queue: [],
    batch: null,
    takeover: null,
    timeline: 0,
  }));
  return {
    cell: 0,
    late: false,
    workflows: each(() => null),
    deleted: each(() => false),
    records: each(() => Array<null>(STEPS).fill(null)),
    effects: each(() => Array<string>(STEPS).fill('')),
    calls: each(() => Array<number>(STEPS).fill(0)),
    due: each(() => false),
    executors: processes.map(newExecutor),
    backends: [],
    processes,
    callers: ctx.scenario.callers.map(() => ({ state: 'new', told: null, acknowledged: false })),
    budget: { ...ctx.scenario.budget },
    timeline: 0,
    standby: null,
    broken: '',
  };
}

/** What happens at once, and a form that does not depend on the order of events. */
function normalize(ctx: Context, s: State): void {
  for (let p = 0; p < s.processes.length; p++) sendWhenIdle(ctx, s, p);
  answerObservers(ctx, s);
  for (const b of s.backends) if (!b.attached) b.killed = true;
  if (s.backends.length > 1) s.backends.sort(compareBackends);
}

function processMoves(ctx: Context, s: State, p: number, to: Moves<State>): void {
  if (!lifeMoves(ctx, s, p, to)) return;
  const P = processAt(s, p);
  if (P.executor < 0) return; // only if it never registers again
  const usable = connectionMoves(ctx, s, p, to);
  leaseMoves(ctx, s, p, to);
  if (!usable) return;
  shutdownMoves(ctx, s, p, to);
  journalMoves(ctx, s, p, to);
  takeoverMoves(ctx, s, p, to);
  callerMoves(ctx, s, p, to);
  pollMoves(ctx, s, p, to);
  P.runs.forEach((run, w) => {
    if (run === null) return;
    if (run.void) rereadMoves(ctx, s, p, w, to);
    else runMoves(ctx, s, p, w, run, to);
  });
}

function runMoves(ctx: Context, s: State, p: number, w: number, run: Run, to: Moves<State>): void {
  lookUpMoves(ctx, s, p, w, to);
  if (run.outcome !== '') return;
  outcomeMoves(ctx, s, p, w, to);
  const { calls } = ctx.planOf(w, run);
  const late = calls.some((c) => c.kind === 'call' && run.steps[c.id]?.row === 'buffer');
  if (late && !withFlight(ctx, processAt(s, p), w))
    to.step(`${nameOf(p)} ${w}: a communicator's record goes to the journal by itself`, (t) => flush(ctx, t, p, w));
  for (const call of openCalls(ctx, run, w)) stepMoves(ctx, s, p, w, call, to);
}

function environmentMoves(ctx: Context, s: State, to: Moves<State>): void {
  if (s.budget.bump > 0)
    to.fault('environment: the cell changes', (t) => {
      t.budget.bump--;
      t.cell = 1 - t.cell;
    });
  if (!s.late && ctx.workflows.some((w) => w.deadline)) to.step('time: the database clock passes the deadline', (t) => void (t.late = true));
  s.records.forEach((records, w) => {
    if (!s.due[w] && records.some((r) => r?.kind === 'sleep')) to.step(`time: the sleep of workflow ${w} is over`, (t) => void (t.due[w] = true));
  });
  if (s.budget.database > 0) to.fault('fault: PostgreSQL crashes and restarts', crashDatabase);
  failoverMoves(s, to);
  lapseMoves(ctx, s, to);
  thirdPartyMoves(ctx, s, to);
}
