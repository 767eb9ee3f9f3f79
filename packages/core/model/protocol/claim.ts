/** Claims of a fenced executor's workflows, attempts, and DEAD (DESIGN 4.6 item 4, L7). */
import { broke, isPending, recordsOf, rowAt, runOf, type Context } from './context.js';
import { adopt } from './runs.js';
import type { Backend, Process, State } from './state.js';

/** A workflow that waits for a child is not what keeps crashing: its child's claims are counted, not its own. */
export const counts = (ctx: Context, s: State, w: number): boolean => ctx.broken.parentsCounted === true || !ctx.childrenOf(w).some((k) => isPending(s, k));

/** Records of a workflow and of all below it: what shows that somebody made progress. */
export function progress(ctx: Context, s: State, w: number): number {
  return recordsOf(s, w) + ctx.childrenOf(w).reduce((n, k) => n + progress(ctx, s, k), 0);
}

/** Attempts since the last new record, this claim included. */
export function attemptsAfterClaim(ctx: Context, s: State, w: number): number {
  const row = rowAt(s, w);
  if (ctx.broken.attemptsForgotten) return 1;
  if (ctx.broken.attemptsTotal) return row.epoch;
  if (ctx.broken.childrenNotCounted) return recordsOf(s, w) > 0 ? trueAttempts(ctx, s, w) : row.epoch; // this shape's parents have no record before their last
  return row.released && ctx.broken.releaseCounts ? row.attempts + 1 : trueAttempts(ctx, s, w);
}

function trueAttempts(ctx: Context, s: State, w: number): number {
  const row = rowAt(s, w);
  const before = progress(ctx, s, w) > row.seen ? 0 : row.attempts;
  return row.released ? before : before + 1;
}

export const isFirst = (ctx: Context, s: State, w: number): boolean => !counts(ctx, s, w) || attemptsAfterClaim(ctx, s, w) <= 1;

/** Second attempts run in a narrow lane, one at a time, so that one poison workflow does not take its neighbours to DEAD: the rows hold it, also those of a claim whose answer was lost. */
export function laneIsFree(ctx: Context, s: State, P: Process): boolean {
  if (ctx.broken.neighboursInLane) return true;
  return !s.workflows.some((row, w) => {
    if (row?.status !== 'PENDING' || row.owner !== P.executor || (ctx.broken.laneForgetsLostClaims && runOf(P, w) === null)) return false;
    return row.attempts > 1 && progress(ctx, s, w) <= row.seen && counts(ctx, s, w);
  });
}

const ownedBy = (s: State, x: number): number[] => s.workflows.flatMap((row, w) => (row?.owner === x && row.status === 'PENDING' ? [w] : []));

/** Something of this executor can be claimed, or nothing is left of it. */
export function isClaimable(ctx: Context, s: State, P: Process, x: number): boolean {
  const left = ownedBy(s, x);
  return left.length === 0 || left.some((w) => isFirst(ctx, s, w)) || laneIsFree(ctx, s, P);
}

/** The claim at the server: all first attempts, else one second attempt if the lane was free when it was sent. */
export function claimRows(ctx: Context, t: State, b: Backend): void {
  const left = ctx.broken.claimsListedRows ? [...b.got] : ownedBy(t, b.from);
  const first = left.filter((w) => isFirst(ctx, t, w));
  const again = left.filter((w) => !isFirst(ctx, t, w)).sort((v, w) => attemptsAfterClaim(ctx, t, v) - attemptsAfterClaim(ctx, t, w));
  const chosen = first.length > 0 ? first : b.lane === 'again' ? again.slice(0, ctx.broken.neighboursInLane ? undefined : 1) : [];
  b.got = chosen.filter((w) => claimRow(ctx, t, b, w));
  (t.executors[b.from] as { claimedFrom: boolean }).claimedFrom = true;
}

/** False if it is DEAD instead. */
function claimRow(ctx: Context, t: State, b: Backend, w: number): boolean {
  const row = rowAt(t, w);
  if (ctx.broken.claimsListedRows && row.owner !== b.from) broke(t, `executor ${b.executor} claims workflow ${w}, which executor ${row.owner} owns by now`);
  const attempts = attemptsAfterClaim(ctx, t, w);
  const dead = counts(ctx, t, w) && attempts > ctx.maxRecoveries;
  if (dead && trueAttempts(ctx, t, w) <= ctx.maxRecoveries)
    broke(t, `workflow ${w} is DEAD although there was progress during its last ${ctx.maxRecoveries} claims`);
  Object.assign(row, { owner: b.executor, epoch: row.epoch + 1, seen: progress(ctx, t, w), released: false });
  if (counts(ctx, t, w)) row.attempts = attempts;
  if (dead) Object.assign(row, { status: 'DEAD', value: '' });
  return !dead;
}

/** Rows that are left are claimed next; none left: the executor leaves the scan. */
export function answerClaim(ctx: Context, t: State, P: Process, b: Backend): void {
  for (const w of b.got) adopt(ctx, t, P, w);
  if (P.takeover?.of !== b.from) return;
  const left = ownedBy(t, b.from);
  if (left.length === 0) (t.executors[b.from] as { inScan: boolean }).inScan = false;
  P.takeover = left.length > 0 && isClaimable(ctx, t, P, b.from) ? { of: b.from, stage: 'claim' } : null;
}
