/** The journal: one writer a process, groups in order, a batch in one commit (DESIGN 4.3). */
import type { Moves } from '../checker/model.js';
import { blankBackend } from './backend.js';
import { settleRow } from './buffer.js';
import { nameOf, processAt, runOf, type Context } from './context.js';
import { createRun, deliver, finish, observe, voidRun } from './runs.js';
import type { Backend, Group, Process, Row, Run, State } from './state.js';

/** A group of a run; what is left out says that nothing but its rows becomes durable. */
export function push(ctx: Context, P: Process, w: number, rows: readonly Row[], rest: Partial<Group> = {}): void {
  const epoch = runOf(P, w)?.epoch ?? 1;
  const group: Group = { w, epoch, rows, effects: [], why: 'rows', i: -1, value: '', caller: -1, alone: false, ...rest };
  if (!ctx.broken.groupNotAtomic || rows.length < 2) {
    P.queue.push(group);
    return;
  }
  [...rows].reverse().forEach((row, k, all) => {
    const last = k === all.length - 1;
    P.queue.push({ ...group, rows: [row], effects: k === 0 ? group.effects : [], why: last ? group.why : 'rows', alone: true });
  });
}

/** It flushes at once when idle and gathers while busy. */
export function sendWhenIdle(ctx: Context, t: State, p: number): void {
  const P = processAt(t, p);
  if ((P.batch !== null && !ctx.broken.journalUnordered) || P.queue.length === 0 || P.state !== 'up' || P.connection !== 'usable') return;
  sendBatch(t, p, P.queue[0]?.alone === true ? 1 : P.queue.length);
}

export function journalMoves(ctx: Context, s: State, p: number, to: Moves<State>): void {
  const P = processAt(s, p);
  const name = nameOf(p);
  const old = s.backends.some((b) => b.kind === 'journal' && b.process === p && (b.attached || !ctx.broken.oldBackendNotAwaited));
  if (P.batch !== null && !old)
    to.step(`${name}: the journal sends its lost batch again`, (t) => {
      const Q = processAt(t, p);
      Q.queue.unshift(...(Q.batch ?? []));
      Q.batch = null;
    });
}

function sendBatch(t: State, p: number, count: number): void {
  const P = processAt(t, p);
  const groups = P.queue.splice(0, count);
  P.batch = [...(P.batch ?? []), ...groups];
  t.backends.push({ ...blankBackend('journal', p, P.executor), rows: groups.flatMap((g) => g.rows), effects: groups.flatMap((g) => g.effects) });
}

export function answerJournal(ctx: Context, t: State, P: Process, b: Backend): void {
  const batch = P.batch ?? [];
  P.batch = null;
  const only = batch[0];
  if (b.state === 'committed') for (const group of batch) groupDurable(ctx, t, P, group);
  else if (batch.length > 1) P.queue.unshift(...batch.map((g) => ({ ...g, alone: true })));
  else if (only === undefined) return;
  else if (b.why === 'conflict' && b.conflictMine && !ctx.broken.ownRowTakenForLoss)
    groupDurable(ctx, t, P, only); // my own earlier attempt: all of it is there
  else if (b.why === 'conflict' && b.conflictMine) observe(ctx, t, P, only.w);
  else if (b.why === 'conflict') for (const w of new Set([...only.rows.map((r) => r.w), only.w])) voidRun(ctx, t, P, w);
  else {
    for (const row of only.rows) settleRow(P, row, 'buffer');
    voidRun(ctx, t, P, only.w);
  }
}

function groupDurable(ctx: Context, t: State, P: Process, group: Group): void {
  if (group.why === 'start') return startDurable(ctx, t, P, group);
  const run = runOf(P, group.w);
  if (run === null || run.epoch !== group.epoch) return;
  for (const row of group.rows) if (runOf(P, row.w)?.epoch === row.epoch) settleRow(P, row, 'durable');
  if (!run.void) groupSettles(ctx, t, P, group, run);
}

function groupSettles(ctx: Context, t: State, P: Process, group: Group, run: Run): void {
  if (group.why === 'step') deliver(ctx, t, P, group.w, group.i, group.value, 'durable');
  if (group.why === 'park') observe(ctx, t, P, group.w); // a parked workflow holds nothing in memory
  if (group.why === 'end') {
    run.outcome = 'durable';
    finish(ctx, t, P, group.w);
  }
}

/** The start of an explicit id: the row is the caller's own, or somebody else's, who is observed. */
function startDurable(ctx: Context, t: State, P: Process, group: Group): void {
  const caller = t.callers[group.caller];
  const row = t.workflows[group.w];
  if (caller?.state !== 'starting' || row == null) return;
  caller.acknowledged = true;
  const mine = row.owner === P.executor && row.status === 'PENDING';
  caller.state = mine ? 'running' : 'observing';
  if (mine && runOf(P, group.w) === null) createRun(ctx, t, P, group.w, row.epoch, null);
}
