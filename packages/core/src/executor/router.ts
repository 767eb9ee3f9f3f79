/** Where a call of a decorated method goes: outside, in a workflow's body, in a transaction, in a communicator. */
import { apiaryError, type RegisteredFunction } from '@apiary/decorators/internal';
import { context } from '../context.js';
import type { Executor } from './executor.js';
import { Input } from './input.js';
import type { Call, Run } from './run.js';
import type { RecordRow } from './rows.js';
import { never, RunVoid } from './signals.js';
import { inlineChild } from './steps/child.js';
import { communicatorStep } from './steps/communicator.js';
import { joinProcedure, procedureStep } from './steps/procedure.js';
import { joinTransaction, transactionStep } from './steps/transaction.js';

export function invoke(executor: Executor, fn: RegisteredFunction, target: object, args: readonly unknown[]): Promise<unknown> {
  const scope = context.getStore();
  if (scope === undefined) return executor.outside.call(fn, target, args);
  if (scope.executor !== executor) return elsewhere(executor, fn, target, args);
  switch (scope.kind) {
    case 'workflow':
      return step(scope.run, fn, target, args);
    case 'transaction':
      return inTransaction(executor, fn, target, args);
    case 'communicator':
      return Promise.reject(
        apiaryError(
          'FORBIDDEN_CALL',
          { caller: scope.step.fn.name, callee: fn.name },
          {
            message: `${fn.name} may not be called in the communicator ${scope.step.fn.name}: call both from the workflow`,
            workflowId: scope.step.run.workflowId,
            stepId: scope.step.stepId,
          },
        ),
      );
  }
}

/** A call of another app's service: nothing may leave the process on a commit that is not answered. */
async function elsewhere(executor: Executor, fn: RegisteredFunction, target: object, args: readonly unknown[]): Promise<unknown> {
  const scope = context.getStore();
  if (scope?.kind === 'workflow') await heldIsSent(scope.run);
  return context.exit(() => executor.outside.call(fn, target, args));
}

/** Resolves when the commit that the body's last value rests on is answered; never, if the run is void. */
export function heldIsSent(run: Run): Promise<void> {
  if (run.isVoid) return never();
  return (run.held?.send() ?? Promise.resolve()).catch((error: unknown) => (error instanceof RunVoid ? never<void>() : Promise.reject(error as Error)));
}

const performers = { transaction: transactionStep, procedure: procedureStep, communicator: communicatorStep, workflow: inlineChild } as const;

/** A call in the body of a workflow: numbered now, checked and encoded now, then replayed or performed. */
function step(run: Run, fn: RegisteredFunction, target: object, args: readonly unknown[]): Promise<unknown> {
  if (run.isVoid) return never();
  let input: Input;
  try {
    input = Input.of(run.executor.codec, fn, args);
  } catch (error) {
    // The call has its number all the same: whether arguments are right does not move the ids behind it.
    return run.step(
      fn.kind,
      fn.name,
      null,
      () => Promise.reject(error as Error),
      (record) => restored(run, record),
    );
  }
  const perform = performers[fn.kind];
  return run.step(
    fn.kind,
    fn.name,
    input.hash,
    (call: Call) => perform(run, call, fn, target, input),
    (record) => restored(run, record),
  );
}

/** A recorded result: the value, or the error thrown. */
export function restored(run: Run, record: Pick<RecordRow, 'output' | 'error'>): unknown {
  const { codec } = run.executor;
  if (record.error !== null) throw codec.decodeError(record.error);
  return codec.decode(record.output);
}

async function inTransaction(executor: Executor, fn: RegisteredFunction, target: object, args: readonly unknown[]): Promise<unknown> {
  const scope = context.getStore();
  if (scope?.kind !== 'transaction') throw new Error('unreachable: not in a transaction');
  const { run, stepId, fn: caller } = scope.step;
  if (fn.kind === 'transaction' || fn.kind === 'procedure') {
    const input = Input.of(executor.codec, fn, args);
    return fn.kind === 'transaction' ? joinTransaction(scope, fn, target, input.take()) : joinProcedure(scope, fn, target, input);
  }
  throw apiaryError(
    'FORBIDDEN_CALL',
    { caller: caller.name, callee: fn.name },
    {
      message:
        fn.kind === 'communicator'
          ? `the communicator ${fn.name} may not be called in the transaction ${caller.name}, which would hold its locks meanwhile: call it from the workflow`
          : `the workflow ${fn.name} may not be called in the transaction ${caller.name}: start() it there, it begins when the transaction commits`,
      workflowId: run.workflowId,
      stepId,
    },
  );
}
