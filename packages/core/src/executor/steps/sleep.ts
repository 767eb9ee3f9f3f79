import { milliseconds, raise, type Duration } from '@apiary/decorators/internal';
import { atRest } from '../rest.js';
import type { Call, Run } from '../run.js';
import { emptyCargo } from '../rows.js';
import { never, RunVoid } from '../signals.js';

/** A wait longer than this parks the workflow: nothing of it stays in memory. */
const parkAfterMs = 5000;

/** When a sleep that begins now ends, in milliseconds since the epoch. */
export function dueTime(run: Run, time: Duration | Date): number {
  if (!(time instanceof Date)) return run.executor.clock.now() + milliseconds(time, 'sleep');
  const due = time.getTime();
  if (Number.isNaN(due)) raise('CONFIG', { path: 'sleep', problem: 'the date is invalid' });
  return due;
}

/** A durable pause: its end is durable before it begins, so it keeps its end over crashes. */
export async function sleepStep(run: Run, call: Call, time: Duration | Date): Promise<void> {
  const { executor } = run;
  await run.ready(call);
  const due = dueTime(run, time);
  // Other branches of the body may be about to make their calls.
  if (isLong(run, due)) await new Promise<void>(atRest);
  const park = mayPark(run, due);
  const cargo = emptyCargo();
  cargo.records.push(run.row(call, { output: executor.codec.encode(due, 'sleep') }));
  if (park) cargo.parks.push({ workflowId: run.workflowId, executorId: run.executorId, epoch: run.epoch, wakeAt: Math.min(due, run.deadline ?? due) });
  await executor.barrier.flush(run, cargo);
  run.rests(call, due);
  if (!park) return pause(run, due);
  executor.lifecycle.parked(run, Math.min(due, run.deadline ?? due));
  return never();
}

/** The rest of a sleep whose end is recorded. */
export async function restOfSleep(run: Run, due: number): Promise<void> {
  if (!mayPark(run, due) || run.delivery.isPast(due) || run.interruption() !== undefined) return pause(run, due);
  const wakeAt = Math.min(due, run.deadline ?? due);
  const cargo = emptyCargo();
  cargo.parks.push({ workflowId: run.workflowId, executorId: run.executorId, epoch: run.epoch, wakeAt });
  await run.executor.barrier.flush(run, cargo);
  run.executor.lifecycle.parked(run, wakeAt);
  return never();
}

async function pause(run: Run, due: number): Promise<void> {
  const { executor } = run;
  if (due <= executor.clock.now() || run.delivery.isPast(due)) return;
  const interruption = run.interruption();
  if (interruption !== undefined) throw interruption;
  const sleep = executor.sleepUntil(due);
  try {
    await run.interruptible(sleep.promise);
  } finally {
    sleep.cancel();
  }
  if (run.isVoid) throw new RunVoid();
}

/** Only a run that nobody in this process waits inside of, and that does nothing else, can leave memory. */
function mayPark(run: Run, due: number): boolean {
  return run.parent === undefined && run.open.size === 1 && run.state === 'running' && isLong(run, due);
}

function isLong(run: Run, due: number): boolean {
  return due - run.executor.clock.now() > parkAfterMs;
}
