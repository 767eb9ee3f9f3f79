import { processAt } from './context.js';
import type { Moves } from '../checker/model.js';
import { copyState } from './copy.js';
import type { Standby, State } from './state.js';
import { loseBackend } from './transaction.js';

/** Every backend is gone, every connection lost; what was committed stays, save what was committed asynchronously. */
export function crashDatabase(t: State): void {
  t.budget.database--;
  const gone = t.backends;
  t.backends = [];
  for (const b of gone) if (b.attached) loseBackend(processAt(t, b.process), b);
  for (const P of t.processes) {
    P.connection = 'none';
    if (P.takeover !== null) P.takeover = { of: P.takeover.of, stage: 'terminate' };
  }
  for (const row of t.workflows) if (row?.asynchronous) Object.assign(row, { status: 'PENDING', value: '', asynchronous: false });
}

/** An asynchronous standby stops to follow, later it is promoted: what was committed since is gone (INTERLEAVINGS 18). */
export function failoverMoves(s: State, to: Moves<State>): void {
  if (s.budget.failover === 0) return;
  if (s.standby === null)
    to.fault('fault: the asynchronous standby stops to follow', (t) => {
      const { workflows, records, effects, executors } = copyState(t);
      t.standby = { workflows, records, effects, executors };
    });
  else to.fault('fault: the standby is promoted', promote);
}

function promote(t: State): void {
  t.budget.failover--;
  t.budget.database++;
  crashDatabase(t);
  const { workflows, records, effects, executors } = t.standby as Standby;
  Object.assign(t, {
    standby: null,
    timeline: t.timeline + 1,
    workflows: workflows.map((w) => (w === null ? null : { ...w })),
    records: records.map((r) => [...r]),
    effects: effects.map((e) => [...e]),
    executors: t.executors.map((now, x) => ({ ...(executors[x] ?? now), lapsed: now.lapsed })),
  });
}
