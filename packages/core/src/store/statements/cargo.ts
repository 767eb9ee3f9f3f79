/** The statements of one cargo, in the one order in which everything of ours locks rows: starts, records, outcomes, parks, foreign starts. */
import type { Cargo } from '../../executor/rows.js';
import type { Statement } from '../connection/statement.js';
import type { Names } from '../schema/names.js';
import { folded } from './fold-records.js';
import { insertRecords } from './insert-records.js';
import { insertWorkflows } from './insert-workflows.js';
import { parkWorkflows, updateOutcomes } from './update-outcomes.js';

/** `mayCopy`: whether COPY can be used. Poolers do not all take one in the middle of a flight. */
export type CargoStatements = (cargo: Cargo, offsetMs: number, mayCopy: boolean) => Statement[];

export function cargoStatements(names: Names): CargoStatements {
  const starts = insertWorkflows(names);
  const records = insertRecords(names);
  const outcomes = updateOutcomes(names);
  const parks = parkWorkflows(names);
  return (whole, offsetMs, mayCopy) => {
    const cargo = folded(whole);
    const out: Statement[] = [];
    if (cargo.starts.length > 0) out.push(starts.plain(cargo.starts, offsetMs, mayCopy));
    if (cargo.records.length > 0) out.push(records(cargo.records, mayCopy));
    if (cargo.outcomes.length > 0) out.push(outcomes(cargo.outcomes, offsetMs));
    if (cargo.parks.length > 0) out.push(parks(cargo.parks, offsetMs));
    if (cargo.foreign.length > 0) out.push(starts.absent(cargo.foreign, offsetMs));
    return out;
  };
}
