/** A direct call of a step: a workflow of one step, whose one row is start, record and outcome at once (DESIGN 4.4). */
import { Backoff } from '../backoff.js';
import { commitFinal, TryAgain } from './commit.js';
import { failure } from './failure.js';
import type { Input } from './input.js';
import type { Call, Run } from './run.js';
import type { Outcome } from './rows.js';
import { RunVoid } from './signals.js';
import { attempt } from './steps/attempt.js';
import { callOut } from './steps/communicator.js';
import { fly } from './steps/procedure.js';
import { encoded, endReader } from './steps/transaction.js';

interface Ended {
  readonly outcome: Outcome;
  /** The outcome is in the database already. */
  readonly durable: boolean;
}

export async function direct(run: Run, target: object): Promise<void> {
  const { executor, fn } = run;
  const call: Call = { stepId: '0', name: fn.name, kind: fn.kind, inputHash: null, startedAt: executor.clock.now(), place: undefined };
  let ended: Ended;
  try {
    if (fn.kind === 'communicator') ended = await communicator(run, call, target, run.input);
    else ended = await repeated(run, call, fn.kind === 'procedure' ? procedure : transaction, target, run.input);
  } catch (error) {
    if (run.isVoid || error instanceof RunVoid) return;
    ended = { outcome: failure(run, error), durable: false };
  }
  if (run.isVoid) return;
  if (!ended.durable && executor.readers.take(run, ended.outcome)) return executor.lifecycle.answer(run, ended.outcome);
  run.state = 'ending';
  await executor.lifecycle.finish(run, ended.outcome, ended.durable);
}

type Once = (run: Run, call: Call, target: object, input: Input, tries: number) => Promise<Ended>;

async function repeated(run: Run, call: Call, once: Once, target: object, input: Input): Promise<Ended> {
  const backoff = new Backoff();
  for (let tries = 1; ; tries++) {
    const wait = run.ready(call);
    if (wait !== undefined) await wait;
    try {
      return await once(run, call, target, input, tries);
    } catch (error) {
      if (run.isVoid || !(error instanceof TryAgain)) throw error;
      await backoff.wait();
    }
  }
}

async function transaction(run: Run, call: Call, target: object, input: Input, tries: number): Promise<Ended> {
  const { executor, fn } = run;
  const settings = executor.functions.transaction(fn);
  const point = { workflowId: run.workflowId, stepId: call.stepId, name: fn.name, attempt: tries };
  executor.probe('step:before', point);
  const result = await attempt(run, call.stepId, fn, target, input.take(), settings);
  executor.probe('step:returned', point);
  if (result.kind === 'infrastructure') throw new TryAgain('infrastructure', { cause: result.error });
  if (result.kind === 'failed') throw result.error;
  const coded = encoded(executor, result.transaction, result.value);
  const { text } = coded instanceof Promise ? await coded : coded;
  const outcome: Outcome = { status: 'SUCCESS', output: text, error: null };
  if (settings.readOnly) {
    const ending = endReader(executor, result.transaction, settings.isolation);
    if (ending !== undefined) await ending;
    return { outcome, durable: false };
  }
  try {
    await commitFinal(run, result.transaction, { record: undefined, outcome, outbox: result.outbox });
  } finally {
    result.transaction.connection.release();
  }
  executor.probe('step:recorded', point);
  return { outcome, durable: true };
}

async function procedure(run: Run, call: Call, target: object, input: Input): Promise<Ended> {
  const { executor, fn, workflowId, epoch } = run;
  const first = run.start?.row;
  if (first?.deadline !== undefined && first.deadline !== null) await run.flushed(); // a wide row: made by the journal
  const output = await fly(run, call.stepId, fn, target, input, {
    workflow: {
      insert: run.start !== undefined,
      workflowId,
      name: fn.name,
      input: first?.input ?? null,
      inputHash: first?.inputHash ?? '',
      executorId: executor.id,
      epoch,
      version: executor.version,
    },
  });
  return { outcome: { status: 'SUCCESS', output, error: null }, durable: true };
}

async function communicator(run: Run, call: Call, target: object, input: Input): Promise<Ended> {
  await run.ready(call);
  await run.flushed();
  // Waiting took time: what was checked before has to hold now.
  if (!run.executor.lease.isLive()) await run.ready(call);
  const called = await callOut(run, call.stepId, run.fn, target, input);
  if ('error' in called) return { outcome: { status: 'ERROR', output: null, error: called.error }, durable: false };
  return { outcome: { status: 'SUCCESS', output: called.output, error: null }, durable: false };
}
