/**
 * The buffer of a run and the carriers of its rows (DESIGN 4.3). A row is in the buffer, with the journal, with one final flight, or
 * durable. An inline child shares the buffer of its ancestors: whoever carries a row of it carries the whole chain.
 */
import { processAt, runAt, runOf, stepAt, type Context } from './context.js';
import type { Outcome, Planned } from './body.js';
import type { Carrier, Process, Row, Run, State } from './state.js';

export const flightOf = (w: number, i: number): Carrier => `T${w}.${i}`;

/** Takes all buffered rows of the run and its ancestors, the oldest ancestor's first; they get a new carrier. */
export function takeRows(ctx: Context, P: Process, w: number, carrier: Carrier): Row[] {
  const run = runAt(P, w);
  const up = ctx.parent(w);
  const rows = up !== undefined && runOf(P, up) !== null && !ctx.broken.childWithoutAncestors ? takeRows(ctx, P, up, carrier) : [];
  const take = !ctx.broken.twoCarriers || carrier === 'journal';
  if (run.start === 'buffer') {
    if (take) run.start = carrier;
    rows.push({ type: 'start', w, executor: P.executor, epoch: run.epoch, outcome: null, foreign: false });
  }
  if (ctx.spec(w).direct === true) return rows;
  run.steps.forEach((step, i) => {
    if (step.row !== 'buffer' || step.kind === '') return;
    if (take) step.row = carrier;
    rows.push({ type: 'record', w, executor: P.executor, epoch: run.epoch, i, kind: step.kind, input: step.input, value: step.value, order: step.order });
  });
  return rows;
}

/** The record of a step takes its place in the order of results when its row is made. */
export function takePlace(run: Run, i: number): number {
  const step = stepAt(run, i);
  step.order = 1 + run.steps.reduce((most, s) => Math.max(most, s.order), 0);
  return step.order;
}

/** Adds the outcome: the status row is inserted complete, or updated if it exists (4.4). */
export function withOutcome(rows: readonly Row[], w: number, executor: number, epoch: number, outcome: Outcome): Row[] {
  const inserted = rows.some((r) => r.type === 'start' && r.w === w);
  if (inserted) return rows.map((r) => (r.type === 'start' && r.w === w ? { ...r, outcome } : r));
  return [...rows, { type: 'outcome', w, executor, epoch, outcome }];
}

/** A carrier's answer: its rows are durable, or back in the buffer. */
export function settleCarrier(P: Process, carrier: Carrier, to: 'durable' | 'buffer'): void {
  for (const run of P.runs) {
    if (run === null) continue;
    if (run.start === carrier) run.start = to;
    if (run.outcome === carrier) run.outcome = to === 'durable' ? 'durable' : '';
    for (const step of run.steps) if (step.row === carrier) step.row = to;
  }
}

function someRow(ctx: Context, P: Process, w: number, test: (carrier: Carrier) => boolean): boolean {
  for (const u of ctx.upwards(w)) {
    const run = runOf(P, u);
    if (run !== null && (test(run.start) || run.steps.some((s) => test(s.row)))) return true;
  }
  return false;
}

/** The rows of a void run are nobody's to carry until it has read again: whoever shares its buffer waits. */
function underVoid(ctx: Context, P: Process, w: number): boolean {
  if (ctx.broken.voidRowsCarried) return false;
  for (const u of ctx.upwards(w)) if (runOf(P, u)?.void === true) return true;
  return false;
}

/** A row of the run or of an ancestor is with the journal: a final flight waits for it. */
export const withJournal = (ctx: Context, P: Process, w: number): boolean => underVoid(ctx, P, w) || someRow(ctx, P, w, (c) => c === 'journal');

/** A row of the run or of an ancestor rides an unanswered final flight: no group may overtake it. */
export const withFlight = (ctx: Context, P: Process, w: number): boolean =>
  underVoid(ctx, P, w) || (!ctx.broken.groupOvertakesFlight && someRow(ctx, P, w, (c) => c.startsWith('T')));

export const isDurable = (ctx: Context, P: Process, w: number): boolean => !someRow(ctx, P, w, (c) => c !== 'durable' && c !== '');

export const inBuffer = (ctx: Context, P: Process, w: number): boolean => someRow(ctx, P, w, (c) => c === 'buffer');

/** An unsettled engine call beside step i, in the run or beside one of its ancestors (4.3). */
export function hasSibling(ctx: Context, P: Process, w: number, i: number): boolean {
  let skip = i;
  for (const u of ctx.upwards(w)) {
    const run = runOf(P, u);
    if (run !== null) {
      const { calls } = ctx.planOf(u, run);
      if (calls.some((c) => c.id !== skip && isUnderWay(P, run, c))) return true;
      if (ctx.broken.ancestorsSiblings) return false;
    }
    const up = ctx.parent(u);
    const above = up === undefined ? null : runOf(P, up);
    if (up !== undefined && above !== null) skip = ctx.planOf(up, above).calls.find((c) => c.kind === 'child' && c.target === u)?.id ?? -1;
  }
  return false;
}

function isUnderWay(P: Process, run: Run, call: Planned): boolean {
  const step = run.steps[call.id];
  return step !== undefined && step.given === '' && (step.phase !== 'idle' || (call.kind === 'child' && runOf(P, call.target) !== null));
}

/** Somebody still carries rows of the workflow for this process. */
export function isCarried(t: State, process: number, w: number): boolean {
  const P = processAt(t, process);
  const inGroup = [...(P.batch ?? []), ...P.queue].some((g) => g.w === w || g.rows.some((r) => r.w === w));
  return inGroup || t.backends.some((b) => b.process === process && (b.w === w || b.rows.some((r) => r.w === w)) && b.kind !== 'claim');
}

/** The answer for one row of a journal group. */
export function settleRow(P: Process, row: Row, to: 'durable' | 'buffer'): void {
  const run = runOf(P, row.w);
  if (run === null) return;
  if (row.type === 'start' && run.start === 'journal') run.start = to;
  if (row.type !== 'record') return;
  const step = run.steps[row.i];
  if (step?.row === 'journal') step.row = to === 'buffer' && step.value === '' ? '' : to;
}
