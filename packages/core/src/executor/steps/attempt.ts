/** One attempt of a @Transaction: a connection, a transaction, the user's function, and what became of it. */
import { apiaryError, type Isolation, type RegisteredFunction } from '@apiary/decorators/internal';
import { context, type TransactionContext } from '../../context.js';
import { classify, isInfrastructure } from '../../store/connection/classify.js';
import type { Connection } from '../../store/connection/connection.js';
import type { Statement } from '../../store/connection/statement.js';
import { UserTransaction } from '../../store/connection/transaction.js';
import { withTimeout } from '../../timeout.js';
import type { Executor } from '../executor.js';
import { legible } from '../legible.js';
import type { Run } from '../run.js';
import type { StartRow } from '../rows.js';

export interface TransactionSettings {
  readonly isolation: Isolation;
  readonly readOnly: boolean;
  readonly timeoutMs: number;
  readonly begin: Statement;
}

export type Attempt =
  | { readonly kind: 'returned'; readonly value: unknown; readonly transaction: UserTransaction; readonly outbox: readonly StartRow[] }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'infrastructure'; readonly error: unknown };

const texts: Readonly<Record<Isolation, string>> = { serializable: 'serializable', 'repeatable read': 'repeatable read', 'read committed': 'read committed' };

export function beginStatement(isolation: Isolation, readOnly: boolean): Statement {
  const text = `begin isolation level ${texts[isolation]} ${readOnly ? 'read only' : 'read write'}`;
  return { text, name: `apiary_${text.replaceAll(' ', '_')}` };
}

/** Runs the function once. After 'returned' the transaction is sealed and open; after the others it is over and its connection given back. */
export async function attempt(
  run: Run,
  stepId: string,
  fn: RegisteredFunction,
  target: object,
  args: readonly unknown[],
  settings: TransactionSettings,
): Promise<Attempt> {
  const { executor } = run;
  let connection: Connection;
  try {
    const { connections } = executor.store;
    connection = connections.userAtHand() ?? (await connections.acquireUser());
  } catch (error) {
    return { kind: isInfrastructure(error) ? 'infrastructure' : 'failed', error };
  }
  const transaction = new UserTransaction(connection, { begin: executor.store.opening(settings.begin, executor.id), label: fn.name });
  const scope: TransactionContext = {
    kind: 'transaction',
    executor,
    step: { run, stepId, fn },
    transaction,
    isolation: settings.isolation,
    readOnly: settings.readOnly,
    outbox: [],
    doom: undefined,
  };
  let value: unknown;
  let failure: { readonly error: unknown } | undefined;
  let timedOut = false;
  try {
    value = await withTimeout(
      context.run(scope, () => awaitedInside(executor.bodyOf(fn).apply(target, args as never[]))),
      settings.timeoutMs,
      () => {
        timedOut = true;
        return apiaryError('TRANSACTION_TIMEOUT', { timeoutMs: settings.timeoutMs }, { workflowId: run.workflowId, stepId });
      },
    );
  } catch (error) {
    failure = { error: legible(error) };
  }
  transaction.seal();
  if (timedOut) {
    await giveUp(executor, connection);
    return { kind: 'failed', error: failure?.error };
  }
  const problem = transaction.problem();
  const fencedNow = problem !== undefined && classify(problem) === 'fenced';
  if (problem !== undefined && (fencedNow || isInfrastructure(problem))) {
    await end(executor, transaction);
    if (fencedNow) executor.fenced(); // the run is void from here on; nothing of this is its outcome
    return { kind: 'infrastructure', error: problem };
  }
  const error = scope.doom ?? failure ?? (problem === undefined ? undefined : { error: problem });
  if (error === undefined) return { kind: 'returned', value, transaction, outbox: scope.outbox };
  await end(executor, transaction);
  return { kind: 'failed', error: error.error };
}

/** A builder that a method returned without being async is sent in the context of its transaction. */
export function awaitedInside(result: unknown): Promise<unknown> {
  return result instanceof Promise ? result : (async () => result)();
}

/** Rolls back and gives the connection back; a lost one is ended first, so that nothing of it can still happen. */
export async function end(executor: Executor, transaction: UserTransaction): Promise<void> {
  const { connection } = transaction;
  try {
    if (!connection.lost) await transaction.rollback();
  } catch {
    connection.destroy();
  }
  if (connection.lost) await giveUp(executor, connection);
  else connection.release();
}

async function giveUp(executor: Executor, connection: Connection): Promise<void> {
  const { pid } = connection;
  connection.destroy();
  await executor.store.endBackend(pid);
}
