import type { Outcome, StartRow } from '../../executor/rows.js';

/** The row with what comes with it. Written out, since it is made for each workflow: a copy by spread costs more. */
export function completed(row: StartRow, outcome: Outcome | null, records: string | null): StartRow {
  return {
    workflowId: row.workflowId,
    name: row.name,
    kind: row.kind,
    input: row.input,
    inputHash: row.inputHash,
    executorId: row.executorId,
    epoch: row.epoch,
    version: row.version,
    parentId: row.parentId,
    rootId: row.rootId,
    deadline: row.deadline,
    outcome,
    records,
  };
}
