/** What must hold in every state. Other modules call `broke` where a single event is already wrong. */
import { effectOf, resultOf, type Outcome, type Plan } from './body.js';
import { recordOf, type Context } from './context.js';
import { STEPS, type Caller, type Row, type State, type WorkflowRow } from './state.js';

export function violation(ctx: Context, s: State): string {
  if (s.broken !== '') return s.broken;
  for (let w = 0; w < ctx.count; w++) {
    const found = s.deleted[w] ? '' : tree(ctx, s, w) || history(ctx, s, w) || status(ctx, s, w);
    if (found !== '') return found;
  }
  for (let k = 0; k < s.callers.length && s.timeline === 0; k++) {
    const found = answer(ctx, s, s.callers[k] as Caller, ctx.scenario.callers[k]?.workflow ?? 0);
    if (found !== '') return found;
  }
  return ctx.scenario.carriers === false ? '' : carriers(s);
}

function tree(ctx: Context, s: State, w: number): string {
  const row = s.workflows[w] ?? null;
  const up = ctx.parent(w);
  if (row === null && s.records[w]?.some((r) => r !== null)) return `records of workflow ${w} exist without its status row`;
  if (up !== undefined && row !== null && s.workflows[up] == null) return `child ${w} exists without its parent`;
  const fork = ctx.spec(w).fork;
  if (fork !== undefined && row !== null && s.records[w]?.slice(0, fork.step).some((r) => r === null))
    return `fork ${w} lacks a record before step ${fork.step}`;
  return '';
}

/** Records are what one execution of the body makes; effects and records come together (L1). */
function history(ctx: Context, s: State, w: number): string {
  const records = (s.records[w] ?? []).map((_, i) => recordOf(ctx, s, w, i));
  const plan = ctx.replay(w, records);
  for (let i = 0; i < STEPS; i++) {
    const found = step(ctx, s, w, i, plan, records[i] ?? null);
    if (found !== '') return found;
  }
  return '';
}

function step(ctx: Context, s: State, w: number, i: number, plan: Plan, record: ReturnType<typeof recordOf>): string {
  const effect = s.effects[w]?.[i] ?? '';
  const call = plan.calls[i];
  if (record === null) return effect === '' ? '' : `effect ${w}.${i} without its record`;
  if (call === undefined) return `mixed history: record ${w}.${i} exists, but a replay does not call it`;
  if (record.kind !== call.kind || record.input !== call.input)
    return `mixed history: record ${w}.${i} is ${record.kind}(${record.input}), a replay calls ${call.kind}(${call.input})`;
  const failed = record.value.startsWith('!');
  if (failed && effect !== '') return `effect ${w}.${i} of a function that failed`;
  if (failed && call.kind !== 'child' && s.budget.userError === ctx.scenario.budget.userError)
    return `an error of the infrastructure is the result of step ${w}.${i}`;
  const writes = call.kind === 'write' || call.kind === 'send';
  if (writes && !failed && record.value !== effectOf(call)) return `mixed history: record ${w}.${i} used ${record.value}, the records say ${effectOf(call)}`;
  if (writes && !failed && effect === '' && !record.copied) return `record ${w}.${i} without its effect`;
  if (effect !== '' && effect !== record.value) return `effect ${w}.${i} is not what its record says`;
  if (call.kind === 'write' && call.target >= 0 && !failed && s.workflows[call.target] == null && !s.deleted[call.target])
    return `record ${w}.${i} exists, the workflow that it started does not`;
  if (call.kind === 'child' && !isResult(s.workflows[call.target] ?? null, record.value))
    return `the record of child ${call.target}'s result is durable, its outcome is not`;
  return '';
}

const isResult = (row: WorkflowRow | null, value: string): boolean => row !== null && row.status !== 'PENDING' && resultOf(row as Outcome) === value;

function status(ctx: Context, s: State, w: number): string {
  const row = s.workflows[w] ?? null;
  if (row === null) return '';
  const { end } = ctx.replay(
    w,
    (s.records[w] ?? []).map((_, i) => recordOf(ctx, s, w, i)),
  );
  const byBody = row.status === 'SUCCESS' || row.status === 'ERROR';
  if (byBody && (end === null || end.status !== row.status || end.value !== row.value))
    return `the outcome of workflow ${w} is ${row.status} ${row.value}, its records give ${end === null ? 'none' : `${end.status} ${end.value}`}`;
  if (row.owner === -1 && row.status === 'PENDING' && row.cancelRequested) return `workflow ${w} is parked with a request that nobody will honour`;
  if (row.status === 'CANCELLED' && ctx.scenario.budget.cancel === 0 && !s.late)
    return `workflow ${w} ended by its deadline before the database clock reached it`;
  if (row.status === 'DEAD' && ctx.scenario.budget.crash === 0 && !mayKill(ctx, w)) return `workflow ${w} is DEAD although only another one kills its process`;
  return '';
}

const mayKill = (ctx: Context, w: number): boolean => ctx.spec(w).poison === true || ctx.childrenOf(w).some((k) => mayKill(ctx, k));

/** No answer that is not stored, no acknowledged start that is lost. */
function answer(ctx: Context, s: State, c: Caller, w: number): string {
  const row = s.workflows[w] ?? null;
  if (s.deleted[w]) return '';
  const earlier = row?.resumed === true && c.told?.status !== 'SUCCESS'; // an answer of the time before the resume
  if (c.state === 'answered' && c.told !== null && !earlier && (row === null || row.status !== c.told.status || row.value !== c.told.value))
    return `a caller was told ${c.told.status} ${c.told.value}, stored is ${row === null ? 'nothing' : `${row.status} ${row.value}`}`;
  return c.acknowledged && row === null ? `the acknowledged start of workflow ${w} is lost` : '';
}

/** One row, one carrier. */
function carriers(s: State): string {
  const seen = new Set<string>();
  for (const b of s.backends) {
    if (b.state !== 'sent' && b.state !== 'checked') continue;
    for (const row of b.rows) {
      if (row.type === 'outcome' || row.type === 'park' || (row.type === 'start' && row.foreign)) continue;
      const key = carried(row);
      if (seen.has(key)) return `two flights of executor ${row.executor} carry the row ${row.w}${row.type === 'record' ? `.${row.i}` : ''}`;
      seen.add(key);
    }
  }
  return '';
}

const carried = (row: Row): string => `${row.w}.${row.type === 'record' ? row.i : ''} ${row.executor} ${row.epoch}`;

export function finished(s: State): boolean {
  return (
    s.workflows.every((row) => row === null || row.status !== 'PENDING') &&
    s.callers.every((c) => c.state === 'new' || c.state === 'answered' || c.state === 'gone')
  );
}
