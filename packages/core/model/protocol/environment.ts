import type { Process, State } from './state.js';
import { loseBackend } from './transaction.js';

/** Every backend is gone, every connection lost; what was committed stays, save what was committed asynchronously. */
export function crashDatabase(t: State): void {
  t.budget.database--;
  const gone = t.backends;
  t.backends = [];
  for (const b of gone) if (b.attached) loseBackend(t.processes[b.process] as Process, b);
  for (const P of t.processes) {
    P.connection = 'none';
    if (P.takeover !== null) P.takeover = { of: P.takeover.of, stage: 'terminate' };
  }
  for (const row of t.workflows) if (row?.asynchronous) Object.assign(row, { status: 'PENDING', value: '', asynchronous: false });
}
