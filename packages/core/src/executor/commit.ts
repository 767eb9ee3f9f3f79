/**
 * The final flight: the rows of the chain, the step's record, the outcome if the body has ended, and COMMIT, in one write (DESIGN 4.2).
 * Every way in which it can fail is told apart here, in one place.
 */
import { classify, isInfrastructure } from '../store/connection/classify.js';
import type { Result, Statement } from '../store/connection/statement.js';
import type { UserTransaction } from '../store/connection/transaction.js';
import { completed } from '../store/statements/completed.js';
import { carrierOf, Load } from './buffer.js';
import type { Run } from './run.js';
import { emptyCargo, type Cargo, type Outcome, type RecordRow, type StartRow } from './rows.js';
import { RunVoid } from './signals.js';

/** The commit did not happen, for no fault of the user's code: the transaction is to be run again. */
export class TryAgain extends Error {
  override readonly name = 'TryAgain';
}

export interface Final {
  readonly record: RecordRow | undefined;
  readonly outcome: Outcome | undefined;
  readonly outbox: readonly StartRow[];
  /** Of a @Procedure: the user's statements, and the one whose output the server itself records, as the row named here. */
  readonly procedure?: { readonly before: readonly Statement[]; readonly last: Statement; readonly recordedAs: Pick<Cargo, 'records' | 'starts'> };
}

/**
 * @returns when the commit is known to have happened: the answers, or undefined if they were lost
 * @throws TryAgain; RunVoid (a row belongs to somebody else, the executor was fenced); anything else is an error of the user's
 *   transaction that showed at COMMIT, like a deferred constraint
 */
export async function commitFinal(run: Run, transaction: UserTransaction, final: Final): Promise<readonly Result[] | undefined> {
  // An open transaction waits for the journal, which waits for nobody, and never for another transaction (DESIGN 4.3).
  for (let carrier = carrierOf(run, 'journal'); carrier !== undefined; carrier = carrierOf(run, 'journal')) await carrier.answered;
  if (run.isVoid) {
    await transaction.rollback();
    throw new RunVoid('void before its final flight');
  }
  const { load, statements } = loaded(run, final);
  try {
    if (final.outbox.length > 0) return await startingOutbox(run, transaction, load, statements, final.outbox);
    const results = await transaction.commit(statements);
    load.settle(true);
    return results;
  } catch (error) {
    await resolveFailure(run, transaction, load, final, error);
    return undefined;
  }
}

function startingOutbox(
  { executor }: Run,
  transaction: UserTransaction,
  load: Load,
  statements: readonly Statement[],
  outbox: readonly StartRow[],
): Promise<readonly Result[]> {
  return executor.lifecycle.departures.during(async () => {
    const results = await transaction.commit(statements);
    load.settle(true);
    executor.lifecycle.startedByOutbox(
      outbox,
      (results.at(-1)?.rows ?? []).map((row) => String(row['workflow_id'])),
    );
    return results;
  });
}

/** All that flies before COMMIT, and the rows of the chain in it; nobody else carries those from here on. */
export function loaded(run: Run, final: Final): { readonly load: Load; readonly statements: readonly Statement[] } {
  const { executor } = run;
  const load = new Load('flight');
  load.take(run);
  if (final.record !== undefined) load.cargo.records.push(final.record);
  if (final.outbox.length > 0) load.cargo.foreign.push(...final.outbox);
  if (final.outcome !== undefined) addOutcome(load, run, final.outcome);
  // The row of a direct @Procedure is written by the server, with the output that only it knows.
  const written = final.procedure?.recordedAs.starts ?? [];
  if (written.length > 0) load.cargo.starts = load.cargo.starts.filter((row) => !written.some((w) => w.workflowId === row.workflowId));
  const rows = executor.store.cargo(load.cargo, executor.clock.offsetMs, executor.id);
  const { procedure } = final;
  return { load, statements: procedure === undefined ? rows : [...procedure.before, ...rows, procedure.last] };
}

/** The status row is inserted complete where it is in the same cargo; else a conditional update that raises when it matches no row. */
export function addOutcome(load: Load, run: Run, outcome: Outcome): void {
  const { starts, outcomes } = load.cargo;
  const at = load.carriesStartOf(run) ? starts.findIndex((row) => row.workflowId === run.workflowId) : -1;
  const start = starts[at];
  if (start === undefined) outcomes.push({ workflowId: run.workflowId, executorId: run.executorId, epoch: run.epoch, ...outcome });
  else starts[at] = completed(start, outcome, start.records);
}

/** Returns if the commit happened all the same. @throws as `commitFinal` does */
export async function resolveFailure(run: Run, transaction: UserTransaction, load: Load, final: Final, error: unknown): Promise<void> {
  const { executor } = run;
  const rows = final.procedure?.recordedAs ?? identity(load, run);
  const kind = classify(error);
  if (kind === 'connection') {
    // The server may have committed: the old backend has to be gone before the rows are looked up (DESIGN L3).
    await executor.store.endBackend(transaction.connection.pid);
    const committed = await executor.store.untilAnswered((store) => store.isOwnEarlierAttempt({ ...emptyCargo(), ...rows }));
    load.settle(committed);
    if (committed) return executor.lifecycle.adoptSoon();
    throw new TryAgain('the connection was lost', { cause: error });
  }
  load.settle(false);
  if (kind === 'fenced') {
    executor.fenced();
    throw new RunVoid('the executor was fenced');
  }
  if (kind === 'void' || isEngineConflict(error, executor.schema)) {
    for (const other of new Set([run, ...load.runs])) executor.lifecycle.voidRun(other, 'a row of it belongs to another run');
    throw new RunVoid('a row belongs to another run', { cause: error });
  }
  if (isInfrastructure(error)) throw new TryAgain('the transaction has to be run again', { cause: error });
  throw error;
}

/** The rows of the run itself tell whether the flight committed: they exist nowhere else. */
function identity(load: Load, run: Run): Cargo {
  const mine = <R extends { workflowId: string }>(rows: readonly R[]): R[] => rows.filter((row) => row.workflowId === run.workflowId);
  const { starts, records, outcomes } = load.cargo;
  const last = mine(records).at(-1);
  return { starts: last === undefined ? mine(starts) : [], records: last === undefined ? [] : [last], outcomes: mine(outcomes), parks: [], foreign: [] };
}

/** A unique violation on a table of ours; one on a user's table is an error of the user's transaction. */
export function isEngineConflict(error: unknown, schema: string): boolean {
  if (classify(error) !== 'unique') return false;
  const { schema: where, table } = error as { schema?: string; table?: string };
  return where === schema && (table === 'workflow_status' || table === 'function_record');
}
