/** Workflows inside workflows: a plain call runs inline and shares the buffer; `start` makes a child of its own; results are recorded. */
import { apiaryError, isApiaryError, type RegisteredFunction } from '@apiary/decorators/internal';
import type { StoredWorkflow } from '../../store/statements/read.js';
import type { Executor } from '../executor.js';
import type { StartSettings } from '../function-settings.js';
import { Input } from '../input.js';
import { derivedId } from '../../ids.js';
import type { Call, Run } from '../run.js';
import { emptyCargo, type Outcome, type StartRow } from '../rows.js';
import { waiting, type Wait } from '../../workflows/wait.js';
import { RunVoid } from '../signals.js';
import { Ticket } from '../ticket.js';
import { failStep } from './transaction.js';

/** The id of a child by its place in the parent, so that a replay finds the same child. */
export function childId(run: Run, stepId: string): string {
  return derivedId(run.workflowId, stepId);
}

/** A plain call of a @Workflow in the body of a workflow. */
export async function inlineChild(run: Run, call: Call, fn: RegisteredFunction, target: object, input: Input): Promise<unknown> {
  const { executor } = run;
  const id = childId(run, call.stepId);
  run.addChild(id);
  for (;;) {
    await run.ready(call);
    const ticket = await obtain(run, call, fn, target, input, id);
    const outcome = await outcomeOf(run, ticket);
    if (outcome === 'again') continue;
    return adopt(executor, run, call, id, outcome);
  }
}

/** A run of the child in this process, the one that is there already, or an observed one. */
async function obtain(run: Run, call: Call, fn: RegisteredFunction, target: object, input: Input, id: string): Promise<Ticket> {
  const { executor } = run;
  const known = executor.tickets.get(id);
  if (known !== undefined && known.name !== '') return checked(known.name, known.inputHash, known, fn, input, id);
  // A first run knows that nobody can know this id; a replay has to look.
  const stored = run.isFirst
    ? undefined
    : await executor.lifecycle.departures.during(async () => {
        const row = await executor.store.untilAnswered((store) => store.workflow(id));
        return row === undefined ? undefined : executor.lifecycle.inlineRow(checked(row.name, row.inputHash, row, fn, input, id), run, call);
      });
  // The look took time. What a child writes takes the rows of its parent along: those of a void run must not be written under a later id.
  if (run.isVoid) throw new RunVoid();
  if (stored !== undefined) return stored;
  const now = executor.tickets.get(id);
  if (now !== undefined && now.name !== '') return now;
  const ticket = executor.lifecycle.newTicket(id, fn.name, input.hash);
  const start: StartRow = {
    ...executor.lifecycle.startRow(fn, id, input, executor.functions.deadline(fn, undefined, run.deadline, executor.clock.now())),
    parentId: run.workflowId,
    rootId: run.rootId,
  };
  executor.lifecycle.begin(executor.lifecycle.newRun(start, ticket, fn, input, { isDurable: false, first: true, parent: { run, call } }), target);
  return ticket;
}

function checked<T>(storedName: string, storedHash: string | null, value: T, fn: RegisteredFunction, input: Input, id: string): T {
  conflict(id, storedName, storedHash, fn, input);
  return value;
}

/** @throws CONFLICT if the id belongs to a run of another function or with other input */
export function conflict(id: string, storedName: string, storedHash: string | null, fn: { readonly name: string }, input: Pick<Input, 'hash'>): void {
  if (storedName !== fn.name) throw apiaryError('CONFLICT', { stored: storedName, given: fn.name, field: 'function' }, { workflowId: id });
  if (storedHash !== null && storedHash !== input.hash)
    throw apiaryError('CONFLICT', { stored: storedHash, given: input.hash, field: 'input' }, { workflowId: id });
}

/** 'again': the child's run was void and left no row; it has to be begun anew. */
async function outcomeOf(run: Run, ticket: Ticket): Promise<Outcome | 'again'> {
  const mine = ticket.run?.parent === run;
  try {
    return await (mine ? ticket.outcome : run.interruptible(ticket.outcome));
  } catch (error) {
    if (error instanceof RunVoid && !run.isVoid) return 'again';
    throw error;
  }
}

/** Gives a child's outcome to the body; its record comes in the same commit as that outcome or a later one. */
export function adopt(executor: Executor, run: Run, call: Call, id: string, outcome: Outcome): unknown {
  if (outcome.status === 'SUCCESS') {
    run.record(call, { output: outcome.output, childId: id });
    return executor.codec.decode(outcome.output);
  }
  // The parent's own cancellation is not the outcome of the wait: after a resume it waits again.
  const interruption = run.interruption();
  if (interruption !== undefined && outcome.status === 'CANCELLED') throw interruption;
  run.record(call, { error: outcome.error, childId: id });
  throw executor.lifecycle.errorOf(outcome);
}

/** `start(Service).method(...)` in the body of a workflow: a child that runs on its own; resolves when its row is durable. */
export async function startChild(run: Run, call: Call, fn: RegisteredFunction, input: Input, settings: StartSettings): Promise<string> {
  const { executor } = run;
  const id = settings.workflowId ?? childId(run, call.stepId);
  await run.ready(call);
  if (settings.workflowId !== undefined) {
    const row: StoredWorkflow | undefined = await executor.store.untilAnswered((store) => store.workflow(id));
    if (row !== undefined) conflict(id, row.name, row.inputHash, fn, input);
  }
  const start: StartRow = {
    ...executor.lifecycle.startRow(fn, id, input, executor.functions.deadline(fn, settings.deadline, run.deadline, executor.clock.now())),
    parentId: run.workflowId,
    rootId: run.rootId,
  };
  const cargo = emptyCargo();
  cargo.foreign.push(start);
  cargo.records.push(run.row(call, { output: executor.codec.encode(id, 'workflowId'), childId: id }));
  run.addChild(id);
  await executor.lifecycle.departures.during(async () => {
    const inserted = await executor.barrier.flush(run, cargo);
    executor.lifecycle.startedByOutbox([start], inserted ?? []);
    if (inserted === undefined) executor.lifecycle.adoptSoon();
  });
  return id;
}

/** Waits for any workflow's outcome in the body of another; the outcome is recorded, and that the wait was given up is, too. It is when the body ends. */
export async function awaitResult(run: Run, call: Call, id: string, wait: Wait): Promise<unknown> {
  const { executor } = run;
  await run.ready(call);
  const ticket = executor.tickets.get(id) ?? executor.observer.ticket(id);
  if (!ticket.settled && run.children?.has(id) !== true) await refuseAncestor(run, call.stepId, run.fn.name, id);
  // What it waits for may only be knowable to others when it is durable.
  await run.flushed();
  const { waits } = run;
  const signal = wait.signal === undefined ? waits : AbortSignal.any([wait.signal, waits]);
  const outcome = await run.interruptible(
    waiting(ticket.outcome, { timeoutMs: wait.timeoutMs, signal }).catch((error: unknown) => {
      if (ticket.failed && !isApiaryError(error, 'NOT_FOUND')) throw error;
      return { withoutOutcome: waits.aborted ? run.floating(call) : error };
    }),
  );
  if ('withoutOutcome' in outcome) return failStep(run, call, outcome.withoutOutcome, 1);
  return adopt(executor, run, call, id, outcome);
}

/** Who waits for itself, or for a workflow that waits for it, waits for ever (DESIGN L10). */
export async function refuseAncestor(run: Run, stepId: string, caller: string, id: string): Promise<void> {
  if (!(await isAncestor(run, id))) return;
  throw apiaryError(
    'FORBIDDEN_CALL',
    { caller, callee: `result() of ${id}` },
    {
      message: `workflow ${run.workflowId} would wait for itself or for a workflow that waits for it: ${id}`,
      workflowId: run.workflowId,
      stepId,
    },
  );
}

async function isAncestor(run: Run, id: string): Promise<boolean> {
  if (id === run.parentId || id === run.rootId) return true;
  for (let r: Run | undefined = run; r !== undefined; r = r.parent) if (r.workflowId === id) return true;
  if (run.parentId === null) return false;
  const { rows } = await run.executor.store.untilAnswered((store) => store.query<{ found: boolean }>('isAncestor', [run.workflowId, id]));
  return rows[0]?.found === true;
}
