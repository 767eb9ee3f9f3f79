/** A void run reads owner and records again, when every carrier of its rows is answered or its backend is gone (DESIGN 4.5). */
import type { Moves } from '../checker/model.js';
import { isCarried } from './buffer.js';
import { nameOf, processAt, runAt, type Context } from './context.js';
import { createRun, observe } from './runs.js';
import type { Process, State } from './state.js';

export function rereadMoves(ctx: Context, s: State, p: number, w: number, to: Moves<State>): void {
  if (isCarried(s, p, w) && !ctx.broken.rereadsTooEarly) return;
  to.step(`${nameOf(p)}: void run of workflow ${w}: owner and records are read again`, (t) => reread(ctx, t, processAt(t, p), w));
}

function reread(ctx: Context, t: State, P: Process, w: number): void {
  const run = runAt(P, w);
  const row = t.workflows[w] ?? null;
  const buffer = run.foreign ? null : run;
  if (row?.status === 'PENDING' && row.owner === P.executor && (row.epoch === run.epoch || run.foreign)) createRun(ctx, t, P, w, row.epoch, buffer);
  else if (row !== null || ctx.broken.absentTakenForLost) observe(ctx, t, P, w);
  else if (ctx.parent(w) !== undefined)
    P.runs[w] = null; // its parent calls it again
  else if (ctx.spec(w).fork !== undefined && !ctx.broken.lostForkRunsAgain)
    observe(ctx, t, P, w); // a failover took it, and the records that it began with
  else createRun(ctx, t, P, w, 1, buffer); // no row: nobody else has it, or the start row will tell
}
