/** What a flight does at the server: it inserts its rows, or fails; COMMIT makes rows and effects visible at once (DESIGN 4.2, 4.4). */
import { broke, isTerminal, type Context } from './context.js';
import type { Backend, Row, State, WorkflowRow } from './state.js';

export const newRow = (owner: number, epoch: number): WorkflowRow => ({
  owner,
  epoch,
  status: 'PENDING',
  value: '',
  cancelRequested: false,
  attempts: 0,
  seen: 0,
  released: false,
  resumed: false,
  asynchronous: false,
});

/** The committed row whose key a row of the flight has, if any. */
export function conflictOf(t: State, row: Row): { executor: number; epoch: number } | null {
  if (row.type === 'record') return t.records[row.w]?.[row.i] ?? null;
  if (row.type !== 'start' || row.foreign) return null;
  const there = t.workflows[row.w];
  return there == null ? null : { executor: there.owner, epoch: there.epoch };
}

/** A conditional update that would match no row: the flight fails (4.4). */
export function isRefused(ctx: Context, t: State, row: Row): boolean {
  if (row.type !== 'outcome' && row.type !== 'park') return false;
  const there = t.workflows[row.w] ?? null;
  const inserted = there === null;
  if (inserted) return false;
  if (ctx.broken.epochNotCompared && row.type === 'outcome') return false;
  const mine = there.status === 'PENDING' && there.owner === row.executor && there.epoch === row.epoch;
  return !mine || (row.type === 'park' && there.cancelRequested && !ctx.broken.parkOverCancel);
}

export function commit(ctx: Context, t: State, b: Backend): void {
  const terminal = t.workflows.map((_, w) => isTerminal(t, w));
  for (const row of b.rows) apply(ctx, t, b, row, terminal);
  for (const { w, i, value } of b.effects) {
    const effects = t.effects[w] as string[];
    if (effects[i] !== '') broke(t, `effect ${w}.${i} committed twice`);
    effects[i] = value;
  }
  if (t.executors[b.executor]?.claimedFrom === true && (b.rows.length > 0 || b.effects.length > 0))
    broke(t, `rows of fenced executor ${b.executor} committed after the takeover's claim`);
}

function apply(ctx: Context, t: State, b: Backend, row: Row, terminal: readonly boolean[]): void {
  const there = t.workflows[row.w] ?? null;
  if (row.type === 'record') {
    const records = t.records[row.w] as State['records'][number];
    if (records[row.i] != null) return; // only when conflicts are ignored on purpose
    for (const u of ctx.upwards(row.w)) if (terminal[u] === true) broke(t, `record ${row.w}.${row.i} committed after the terminal outcome of workflow ${u}`);
    const { kind, input, value, executor, epoch, order } = row;
    records[row.i] = { kind, input, value, executor, epoch, order, copied: false };
  } else if (row.type === 'start') {
    if (there !== null) return;
    const made = newRow(row.executor, row.epoch);
    t.workflows[row.w] = row.outcome === null ? made : { ...made, status: row.outcome.status, value: row.outcome.value };
  } else if (there === null || isRefusedSilently(ctx, t, row)) {
    if (b.kind === 'transaction') broke(t, `the outcome update of workflow ${row.w} matched no row, its transaction committed all the same`);
  } else if (row.type === 'park') there.owner = -1;
  else {
    if (there.epoch !== row.epoch) broke(t, `a run of epoch ${row.epoch} wrote the outcome of workflow ${row.w}, epoch ${there.epoch}`);
    Object.assign(there, { status: row.outcome.status, value: row.outcome.value });
    if (ctx.broken.asynchronousOutcome && b.kind === 'journal') there.asynchronous = true;
  }
}

/** Broken on purpose: the update does not raise, so the flight got this far. */
const isRefusedSilently = (ctx: Context, t: State, row: Row): boolean => ctx.broken.updateDoesNotRaise === true && isRefused(ctx, t, row);
