import type { ConcreteType, Provided } from '@apiary/core';
import { apiaryError } from '@apiary/core/internal';
import type { Knex } from 'knex';
import type { History } from './history.js';
import { readHistory } from './history-file.js';
import type { ReplayProblem } from './judge.js';
import { Replayer } from './replayer.js';
import { storedHistories } from './stored-histories.js';

export interface ReplayCheckOptions<P extends readonly unknown[] = readonly unknown[]> {
  readonly services: readonly ConcreteType[];
  /** Values that bodies of workflows read. Others need not be given: no step runs. */
  readonly provide?: Provided<P> | undefined;
  /** A connection string, or your own Knex. It is read in one read-only transaction. */
  readonly database?: string | Knex | undefined;
  /** Written by `exportHistory`. */
  readonly files?: readonly (string | URL)[] | undefined;
  /** Only what the deployed code would go on with. Default false. */
  readonly pendingOnly?: boolean | undefined;
}

/**
 * Replays histories of a database or of exported files against the code of `services`; writes nothing. A workflow that has not ended is
 * replayed as far as it is recorded. No step runs; constructors of the services do.
 * @returns how many workflows were replayed, and for each that no longer fits the first call that differs
 * @throws CONFIG for options and files; REGISTRATION and DEPENDENCY as a launch does
 */
export async function replayCheck<const P extends readonly unknown[] = []>(
  options: ReplayCheckOptions<P>,
): Promise<{ readonly checked: number; readonly problems: readonly ReplayProblem[] }> {
  const { services, provide, database, files = [], pendingOnly = false } = options;
  if (database === undefined && files.length === 0) {
    throw apiaryError('CONFIG', { path: 'database', problem: 'is missing, and so are files: there is nothing to replay' });
  }
  await using replayer = await Replayer.of({ services, provide: provide as never });
  const problems: ReplayProblem[] = [];
  let checked = 0;
  const check = async (history: History): Promise<void> => {
    checked++;
    const problem = await replayer.replay(history);
    if (problem !== undefined) problems.push(problem);
  };
  for (const file of files) {
    const history = await readHistory(file);
    if (!pendingOnly || !hasEnded(history)) await check(history);
  }
  if (database === undefined) return { checked, problems };
  for await (const history of storedHistories(database, pendingOnly)) {
    // Code of workflows that have all ended may go.
    if (replayer.has(history) || !hasEnded(history)) await check(history);
  }
  return { checked, problems };
}

function hasEnded({ workflow }: History): boolean {
  return ['SUCCESS', 'ERROR', 'CANCELLED', 'DEAD'].includes(workflow.status);
}
