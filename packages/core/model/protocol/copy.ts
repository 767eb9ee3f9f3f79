import type { Process, Run, State } from './state.js';

/** A copy that shares what is never changed (rows, groups, records, outcomes). */
export function copyState(s: State): State {
  return {
    cell: s.cell,
    late: s.late,
    workflows: s.workflows.map((w) => (w === null ? null : { ...w })),
    deleted: s.deleted.slice(),
    records: s.records.map((r) => r.slice()),
    effects: s.effects.map((e) => e.slice()),
    calls: s.calls.map((c) => c.slice()),
    due: s.due.slice(),
    executors: s.executors.map((e) => ({ ...e })),
    backends: s.backends.map((b) => ({ ...b })),
    processes: s.processes.map(copyProcess),
    callers: s.callers.map((c) => ({ ...c })),
    budget: { ...s.budget },
    timeline: s.timeline,
    standby: s.standby,
    broken: s.broken,
  };
}

function copyProcess(p: Process): Process {
  return { ...p, runs: p.runs.map((r) => (r === null ? null : copyRun(r))), queue: p.queue.slice() };
}

function copyRun(r: Run): Run {
  return { ...r, steps: r.steps.map((s) => ({ ...s })), decided: r.decided.slice() };
}
