/** PostgreSQL: backends do what was sent to them, fail, end; answers come back or are lost. */
import type { Moves } from '../checker/model.js';
import { answerAssignment, runAssignment } from './assignments.js';
import { commit, conflictOf, isRefused } from './commit.js';
import { broke, nameOf, processAt, type Context } from './context.js';
import { learnFence } from './fence.js';
import { answerJournal } from './journal.js';
import type { Backend, State } from './state.js';
import { answerTransaction, loseBackend } from './transaction.js';

export function serverMoves(ctx: Context, s: State, to: Moves<State>): void {
  s.backends.forEach((b, k) => {
    const name = describe(b);
    if (b.state === 'sent' || b.state === 'checked')
      to.step(`server: ${name}: ${needsCheck(ctx, b) ? 'executor row checked and locked' : work(b)}`, (t) => proceed(ctx, t, k));
    if (b.state === 'sent' && b.kind === 'transaction' && !b.killed && s.budget.serialization > 0)
      to.fault(`server: ${name}: COMMIT fails with 40001`, (t) => {
        t.budget.serialization--;
        fail(t, k, 'serialization');
      });
    if ((b.killed || !b.attached) && isLive(b)) to.step(`server: ${name}: its backend ends, rolled back`, (t) => end(t, k));
    if (!b.attached) return;
    if ((b.state === 'committed' || b.state === 'failed') && s.processes[b.process]?.state === 'up')
      to.step(`${nameOf(b.process)}: answer of ${name}: ${b.state === 'committed' ? 'COMMIT' : reasons[b.why]}`, (t) => answer(ctx, t, k));
    if (s.budget.cut > 0) to.fault(`fault: the connection of ${name} is lost`, (t) => cut(t, k));
  });
}

const reasons = { '': '', conflict: '23505', serialization: '40001', refused: 'an update matched no row', fenced: 'the executor was fenced' };

function describe(b: Backend): string {
  if (b.kind === 'transaction') return `transaction ${nameOf(b.process)} ${b.w}.${b.i}`;
  if (b.kind === 'journal') return `journal batch of ${nameOf(b.process)}`;
  return b.kind === 'claim' ? `claim ${nameOf(b.process)} from executor ${b.from}` : `${b.kind} of workflow ${b.w} by ${nameOf(b.process)}`;
}

const work = (b: Backend): string => (b.kind === 'transaction' || b.kind === 'journal' ? 'engine rows and COMMIT' : 'done');

const isLive = (b: Backend): boolean => b.state === 'open' || b.state === 'sent' || b.state === 'checked';

/** Behind a pooler a journal batch locks the executor row first; a transaction did so at its BEGIN (4.6). */
const needsCheck = (ctx: Context, b: Backend): boolean => ctx.scenario.pooler === true && b.kind === 'journal' && b.state === 'sent';

function proceed(ctx: Context, t: State, k: number): void {
  const b = t.backends[k] as Backend;
  const fenced = ctx.scenario.pooler === true && t.executors[b.executor]?.fenced === true;
  if (needsCheck(ctx, b)) {
    if (fenced && !ctx.broken.fenceCheckDoesNotRaise) fail(t, k, 'fenced');
    else b.state = 'checked';
    return;
  }
  if (b.kind !== 'transaction' && b.kind !== 'journal') {
    if (fenced && !ctx.broken.claimWithoutLock) fail(t, k, 'fenced');
    else {
      runAssignment(ctx, t, b);
      if (b.got.length > 0 && t.executors[b.executor]?.claimedFrom)
        broke(t, `workflow ${b.got[0]} was given to executor ${b.executor} after the takeover's claim from it`);
      done(t, k, 'committed');
    }
    return;
  }
  const hit = ctx.broken.conflictIgnored && b.kind === 'transaction' ? undefined : b.rows.find((r) => conflictOf(t, r) !== null);
  if (hit !== undefined) {
    const there = conflictOf(t, hit);
    b.conflictMine = there?.executor === b.executor && b.rows.some((r) => r.w === hit.w && r.epoch === there.epoch);
    fail(t, k, 'conflict');
  } else if (!ctx.broken.updateDoesNotRaise && b.rows.some((r) => isRefused(ctx, t, r))) fail(t, k, 'refused');
  else {
    commit(ctx, t, b);
    done(t, k, 'committed');
  }
}

function fail(t: State, k: number, why: Backend['why']): void {
  (t.backends[k] as Backend).why = why;
  done(t, k, 'failed');
}

/** Nobody waits for the answer of a backend whose client is gone. */
function done(t: State, k: number, state: 'committed' | 'failed'): void {
  const b = t.backends[k] as Backend;
  if (b.attached) Object.assign(b, { state, holdsLock: false });
  else t.backends.splice(k, 1);
}

function end(t: State, k: number): void {
  const [b] = t.backends.splice(k, 1) as [Backend];
  if (b.attached) loseBackend(processAt(t, b.process), b);
}

function answer(ctx: Context, t: State, k: number): void {
  const [b] = t.backends.splice(k, 1) as [Backend];
  const P = processAt(t, b.process);
  if (b.why === 'fenced') learnFence(ctx, t, P);
  else if (b.kind === 'transaction') answerTransaction(ctx, t, P, b);
  else if (b.kind === 'journal') answerJournal(ctx, t, P, b);
  else answerAssignment(ctx, t, P, b);
}

/** The client gives its old backend up: it is terminated, and must be gone before anything is looked up or tried again (4.6). */
function cut(t: State, k: number): void {
  t.budget.cut--;
  const b = t.backends[k] as Backend;
  b.attached = false;
  loseBackend(processAt(t, b.process), b);
  if (b.state === 'sent' || b.state === 'checked') b.killed = true;
  else t.backends.splice(k, 1);
}
