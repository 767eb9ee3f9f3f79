import { apiaryError, type Isolation, type RegisteredFunction } from '@apiary/decorators/internal';
import { Backoff } from '../../backoff.js';
import { context, type TransactionContext } from '../../context.js';
import type { UserTransaction } from '../../store/connection/transaction.js';
import { commitFinal, TryAgain, type Final } from '../commit.js';
import type { Executor } from '../executor.js';
import type { Input } from '../input.js';
import { HeldFlight } from '../held-flight.js';
import { legible } from '../legible.js';
import type { Call, Run } from '../run.js';
import type { StartRow } from '../rows.js';
import { RunVoid } from '../signals.js';
import { attempt, awaitedInside, end } from './attempt.js';

interface CodedOutput {
  readonly text: string | null;
  readonly value: unknown;
}

/** A @Transaction called in the body of a workflow: one database transaction, and its record in the same commit. */
export async function transactionStep(run: Run, call: Call, fn: RegisteredFunction, target: object, input: Input): Promise<unknown> {
  const { executor } = run;
  const settings = executor.functions.transaction(fn);
  const backoff = new Backoff();
  for (let tries = 1; ; tries++) {
    const wait = run.ready(call);
    if (wait !== undefined) await wait;
    executor.probe('step:before', { workflowId: run.workflowId, stepId: call.stepId, name: call.name, attempt: tries });
    const result = await attempt(run, call.stepId, fn, target, input.take(), settings);
    executor.probe('step:returned', { workflowId: run.workflowId, stepId: call.stepId, name: call.name, attempt: tries });
    if (result.kind === 'failed') return failStep(run, call, result.error, tries);
    try {
      if (result.kind === 'infrastructure') throw new TryAgain('infrastructure', { cause: result.error });
      const { transaction, outbox } = result;
      const coded = encoded(executor, transaction, result.value);
      const output = coded instanceof Promise ? await coded : coded;
      if (settings.readOnly) {
        const ending = endReader(executor, transaction, settings.isolation);
        if (ending !== undefined) await ending;
        run.record(call, { output: output.text, attempts: tries });
        if (executor.stand !== undefined) await durableAtOnce(run, call, fn, tries);
        return output.value;
      }
      const committed = commit(run, call, transaction, output.text, outbox, tries);
      if (committed !== undefined) await committed;
      return output.value;
    } catch (error) {
      if (error instanceof RunVoid || run.isVoid) throw error;
      if (!(error instanceof TryAgain)) return failStep(run, call, error, tries);
      run.delivery.withdraw(call);
      await backoff.wait();
    }
  }
}

/** Undefined if the flight waits for what the body does next. */
function commit(
  run: Run,
  call: Call,
  transaction: UserTransaction,
  output: string | null,
  outbox: readonly StartRow[],
  attempts: number,
): Promise<void> | undefined {
  const { executor } = run;
  const record = run.row(call, { output, attempts });
  const caution = executor.caution(call.name);
  const recorded = (): void => executor.probe('step:recorded', { workflowId: run.workflowId, stepId: call.stepId, name: call.name, attempt: attempts });
  // A flight may wait for the body only in straight-line flow: nothing else is under way.
  if (!caution.isUp && !run.hasSiblings(call) && run.state === 'running' && !run.isVoid) {
    new HeldFlight({ run, transaction, record, outbox, caution, recorded });
    return undefined;
  }
  return commitNow(run, transaction, { record, outcome: undefined, outbox }).then(recorded);
}

async function commitNow(run: Run, transaction: UserTransaction, final: Final): Promise<void> {
  try {
    await commitFinal(run, transaction, final);
  } finally {
    transaction.connection.release();
  }
}

/** A record that waits in the buffer: at once where a test asks for it. */
export async function durableAtOnce(run: Run, call: Call, fn: RegisteredFunction, attempts: number): Promise<void> {
  const { stand, probe } = run.executor;
  if (stand === undefined || !stand.isDurableAtOnce(fn)) return;
  await run.flushed();
  probe('step:recorded', { workflowId: run.workflowId, stepId: call.stepId, name: call.name, attempt: attempts });
}

/** The output as stored and as every later replay will see it; what cannot be recorded rolls back. */
export function encoded(executor: Executor, transaction: UserTransaction, value: unknown): CodedOutput | Promise<never> {
  try {
    return executor.codec.copy(value, 'result');
  } catch (error) {
    return end(executor, transaction).then(() => Promise.reject(error as Error));
  }
}

/** Undefined where nobody has to wait. At SERIALIZABLE a COMMIT could be refused, so a value read is delivered only after its answer (DESIGN L11). */
export function endReader(executor: Executor, transaction: UserTransaction, isolation: Isolation): Promise<void> | undefined {
  if (isolation === 'serializable' || !transaction.endReadOnly()) return commitReadOnly(executor, transaction);
  transaction.connection.release();
  return undefined;
}

async function commitReadOnly(executor: Executor, transaction: UserTransaction): Promise<void> {
  try {
    await transaction.commitReadOnly();
  } catch (error) {
    throw executor.isInfrastructure(error) ? new TryAgain('infrastructure', { cause: error }) : error;
  } finally {
    transaction.connection.release();
  }
}

/** Records the error of the user's function and throws what a replay would throw. */
export function failStep(run: Run, call: Call, error: unknown, attempts: number, childId: string | null = null): never {
  const { codec } = run.executor;
  const text = codec.encodeError(error);
  run.record(call, { error: text, attempts, childId });
  throw codec.decodeError(text);
}

const strictness = { 'read committed': 0, 'repeatable read': 1, serializable: 2 } as const;

/** @throws FORBIDDEN_CALL if the function needs more than the transaction around it gives */
export function checkJoin(scope: TransactionContext, fn: RegisteredFunction): void {
  const { executor, step } = scope;
  const settings = executor.functions.transaction(fn);
  const names = { caller: step.fn.name, callee: fn.name };
  if (strictness[settings.isolation] > strictness[scope.isolation]) {
    throw apiaryError('FORBIDDEN_CALL', names, {
      message: `${fn.name} (${settings.isolation}) cannot join the transaction of ${step.fn.name} (${scope.isolation}): give the outer one the stricter isolation`,
    });
  }
  if (scope.readOnly && !settings.readOnly) {
    throw apiaryError('FORBIDDEN_CALL', names, { message: `${fn.name} writes and cannot join the read-only transaction of ${step.fn.name}` });
  }
}

/** A @Transaction called in a @Transaction joins it: one transaction, one record. If it throws, all of it rolls back, caught or not. */
export async function joinTransaction(scope: TransactionContext, fn: RegisteredFunction, target: object, args: readonly unknown[]): Promise<unknown> {
  const { executor } = scope;
  checkJoin(scope, fn);
  try {
    const value = await context.run(scope, () => awaitedInside(executor.bodyOf(fn).apply(target, args as never[])));
    return executor.codec.copy(value, 'result').value;
  } catch (error) {
    scope.doom ??= { error: legible(error) };
    throw error;
  }
}
