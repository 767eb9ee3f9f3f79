/** How runs begin and end: at first, as replays, after a claim, and after they were found void. */
import { apiaryError, type RegisteredFunction } from '@apiary/decorators/internal';
import { isInfrastructure } from '../store/connection/classify.js';
import { outcomeOf, type StoredWorkflow } from '../store/statements/read.js';
import type { TakenWorkflow } from '../store/store.js';
import { runBody } from './body.js';
import { Departures } from './departures.js';
import type { Executor } from './executor.js';
import { Input } from './input.js';
import { Roster } from './roster.js';
import { Run, type Call, type History } from './run.js';
import type { Outcome, RecordRow, StartRow } from './rows.js';
import { ignore, RunVoid } from './signals.js';
import { conflict } from './steps/child.js';
import { Ticket } from './ticket.js';

const noHistory: History = new Map();

export class Lifecycle {
  readonly #executor: Executor;
  /** Runs whose body has begun and whose end is not known. */
  readonly running = new Roster();
  readonly departures = new Departures();
  readonly counters = { started: 0, ended: 0, voided: 0, afterHandOver: 0 };
  /** Wakes the poll: there may be rows of mine that I do not run. */
  onAdopt: () => void = ignore;
  onParked: (wakeAt: number) => void = ignore;
  #closed = false;

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /** Runs whose row exists. */
  durable(): number {
    let count = 0;
    for (const run of this.running) if (run.start === undefined) count++;
    return count;
  }

  // ---- beginnings ------------------------------------------------------------------------------------------------------------------

  newTicket(workflowId: string, name: string, inputHash: string): Ticket {
    const ticket = new Ticket(workflowId, name, inputHash);
    this.#executor.tickets.set(workflowId, ticket);
    return ticket;
  }

  startRow(fn: RegisteredFunction, workflowId: string, input: Input, deadline: number | null): StartRow {
    const { id, version } = this.#executor;
    return {
      workflowId,
      name: fn.name,
      kind: fn.kind,
      input: input.text,
      inputHash: input.hash,
      executorId: id,
      epoch: 1,
      version,
      parentId: null,
      rootId: null,
      deadline,
      outcome: null,
      records: null,
    };
  }

  /** A run of a workflow that comes to be with this row. */
  newRun(
    row: StartRow,
    ticket: Ticket,
    fn: RegisteredFunction,
    input: Input,
    { isDurable, first, parent }: { readonly isDurable: boolean; readonly first: boolean; readonly parent?: { readonly run: Run; readonly call: Call } },
  ): Run {
    return new Run({
      executor: this.#executor,
      executorId: row.executorId,
      ticket,
      fn,
      input,
      epoch: row.epoch,
      start: isDurable ? undefined : row,
      history: noHistory,
      deadline: row.deadline,
      rootId: row.rootId ?? row.workflowId,
      parentId: row.parentId,
      parent,
      first,
    });
  }

  begin(run: Run, target: object): void {
    if (this.#closed) {
      // Answers that came after the end: the workflow is somebody else's by now.
      run.park();
      return run.ticket.fail(apiaryError('SHUTTING_DOWN', {}));
    }
    run.ticket.run = run;
    if (run.start === undefined) run.ticket.begun();
    // Fenced since its row was read or written.
    if (run.executorId !== this.#executor.id) return this.voidRun(run, 'the executor was fenced', true);
    this.running.add(run);
    this.counters.started++;
    void runBody(run, target);
  }

  /** Rows that came to be with a commit of ours, of which `departures` know: those that were inserted run here. */
  startedByOutbox(rows: readonly StartRow[], inserted: readonly string[]): void {
    for (const row of rows) {
      if (!inserted.includes(row.workflowId)) continue;
      const known = this.#executor.tickets.get(row.workflowId);
      if ((known?.run !== undefined && !known.run.isVoid) || this.departures.has(row.workflowId, row.epoch)) continue;
      const fn = this.#executor.registry.functions.get(row.name);
      if (fn === undefined) continue;
      const ticket = known ?? this.newTicket(row.workflowId, row.name, row.inputHash);
      ticket.identify(row.name, row.inputHash);
      this.begin(
        this.newRun(row, ticket, fn, Input.stored(this.#executor.codec, fn, row.input), { isDurable: true, first: true }),
        this.#executor.targetOf(fn),
      );
    }
  }

  /** Runs what a claim, a wake-up, a resume or the sweep of own rows gives to this executor, unless it has run meanwhile. */
  adopt(read: () => Promise<readonly TakenWorkflow[]>): Promise<void> {
    return this.departures.during(async () => this.#adopt(await read()));
  }

  #adopt(taken: readonly TakenWorkflow[]): void {
    for (const { workflow, records } of taken) {
      if (this.departures.has(workflow.workflowId, workflow.epoch)) continue;
      const known = this.#executor.tickets.get(workflow.workflowId);
      const present = known?.run;
      if (present !== undefined && !present.isVoid) {
        if (present.epoch >= workflow.epoch && present.executorId === workflow.executorId) continue;
        present.makeVoid('the workflow was claimed anew');
        this.running.delete(present);
      }
      this.#beginStored(workflow, records, known ?? this.newTicket(workflow.workflowId, workflow.name, workflow.inputHash ?? ''), undefined);
    }
  }

  #beginStored(
    workflow: StoredWorkflow,
    records: readonly RecordRow[],
    ticket: Ticket,
    parent: { run: Run; call: Call } | undefined,
    kept: readonly RecordRow[] = [],
  ): void {
    const executor = this.#executor;
    ticket.identify(workflow.name, workflow.inputHash ?? '');
    const fn = executor.registry.functions.get(workflow.name);
    const history = new Map<string, RecordRow>(records.map((r) => [r.stepId, r]));
    // Where another run recorded a step of which this one has a row too, nothing that this one made on its own value was ever true.
    const lost = kept.some((row) => history.has(row.stepId) && !isSameAttempt(history.get(row.stepId), row));
    const mine = lost ? [] : kept.filter((row) => !history.has(row.stepId) && row.epoch === workflow.epoch && row.executorId === workflow.executorId);
    for (const row of mine) history.set(row.stepId, row);
    const base = {
      executor,
      executorId: workflow.executorId ?? '',
      ticket,
      epoch: workflow.epoch,
      start: undefined,
      history,
      kept: mine,
      deadline: workflow.deadline,
      rootId: workflow.rootId ?? workflow.workflowId,
      parentId: workflow.parentId,
      parent,
      cancelRequested: workflow.cancelRequested,
      recoveries: workflow.recoveries,
    };
    const problem =
      fn === undefined || fn.kind !== workflow.kind
        ? apiaryError(
            'NOT_A_FUNCTION',
            { method: workflow.name },
            {
              message: `workflow ${workflow.workflowId} is recorded as ${workflow.kind} ${workflow.name}, which this app does not have`,
              workflowId: workflow.workflowId,
            },
          )
        : workflow.attempts > executor.functions.maxRecoveries(fn)
          ? apiaryError('DEAD', { recoveries: workflow.attempts - 1 }, { workflowId: workflow.workflowId })
          : undefined;
    if (problem !== undefined || fn === undefined) {
      const run = new Run({ ...base, fn: fn ?? ({ name: workflow.name, kind: workflow.kind } as RegisteredFunction), input: Input.none(executor.codec) });
      ticket.run = run;
      this.running.add(run);
      void this.finish(run, { status: problem?.code === 'DEAD' ? 'DEAD' : 'ERROR', output: null, error: executor.codec.encodeError(problem) });
      return;
    }
    this.begin(new Run({ ...base, fn, input: Input.stored(executor.codec, fn, workflow.input) }), executor.targetOf(fn));
  }

  /** A child called inline whose row exists already; `departures` know of it since before it was read. */
  inlineRow(row: StoredWorkflow, parent: Run, call: Call): Promise<Ticket> | Ticket {
    const executor = this.#executor;
    if (row.status !== 'PENDING' || row.executorId !== executor.id || row.wakeAt !== null) return executor.observer.ticket(row.workflowId);
    return executor.store
      .untilAnswered((store) => store.records([row.workflowId]))
      .then((records) => {
        const known = executor.tickets.get(row.workflowId);
        if (known !== undefined && !known.isObserved) return known;
        if (this.departures.has(row.workflowId, row.epoch)) return executor.observer.ticket(row.workflowId);
        const ticket = known ?? this.newTicket(row.workflowId, row.name, row.inputHash ?? '');
        this.#beginStored(row, records, ticket, parent.isVoid ? undefined : { run: parent, call });
        return ticket;
      });
  }

  // ---- ends ------------------------------------------------------------------------------------------------------------------------

  /** Makes the outcome durable and tells the callers. */
  async finish(run: Run, outcome: Outcome, durable = false): Promise<void> {
    try {
      if (!durable) {
        if (run.held !== undefined && !run.held.isSent) await run.held.send(outcome);
        else {
          if (run.held !== undefined) await run.held.send();
          await this.#executor.barrier.flush(run, undefined, outcome);
        }
      }
      if (run.isVoid) return;
      this.#executor.probe('run:recorded', { workflowId: run.workflowId, name: run.fn.name });
      if (run.isVoid) return;
      this.answer(run, outcome);
    } catch (error) {
      if (run.isVoid || error instanceof RunVoid) return;
      await this.#unstorable(run, error);
    }
  }

  /** Tells the callers an outcome that is durable, or that nobody could miss. */
  answer(run: Run, outcome: Outcome): void {
    run.ended();
    this.#left(run);
    this.counters.ended++;
    this.#executor.notifications.ended(run.workflowId);
    this.#settle(run.ticket, outcome);
  }

  /** A row of the run is such that no database takes it. That is the outcome, without what could not be stored: else the workflow would be tried for ever. */
  async #unstorable(run: Run, error: unknown): Promise<void> {
    const executor = this.#executor;
    executor.log.error('an outcome could not be stored', { workflowId: run.workflowId, error: String(error) });
    let outcome: Outcome | undefined;
    if (!executor.stopping && !isInfrastructure(error, { engine: true })) {
      run.buffer = [];
      const told: Outcome = { status: 'ERROR', output: null, error: executor.codec.encodeError(error) };
      outcome = await executor.barrier.flush(run, undefined, told).then(
        () => told,
        () => undefined,
      );
      if (run.isVoid) return;
    }
    run.ended();
    if (outcome !== undefined) {
      this.#left(run);
      return this.#settle(run.ticket, outcome);
    }
    this.running.delete(run);
    executor.tickets.delete(run.workflowId);
    run.ticket.fail(error);
  }

  #left(run: Run): void {
    this.running.delete(run);
    this.departures.add(run.workflowId, run.epoch);
  }

  #settle(ticket: Ticket, outcome: Outcome): void {
    this.#executor.tickets.delete(ticket.workflowId);
    ticket.settle(outcome);
  }

  errorOf(outcome: Outcome): unknown {
    return this.#executor.codec.decodeError(outcome.error ?? '');
  }

  parked(run: Run, wakeAt: number): void {
    run.park();
    // Nothing of it is under way: should the answer of its wake-up be lost, the sweep adopts it, though somebody waits for it here.
    run.resolved = true;
    this.#left(run);
    if (run.ticket.hasWaiters) this.#executor.observer.watch(run.ticket);
    else this.#executor.tickets.delete(run.workflowId);
    this.onParked(wakeAt);
  }

  /** What runs goes no further here, and no other run begins. */
  close(): void {
    this.#closed = true;
    for (const run of this.running) run.park();
  }

  adoptSoon(): void {
    this.onAdopt();
  }

  // ---- void runs -------------------------------------------------------------------------------------------------------------------

  /** The run goes no further; what becomes of its workflow is read from the database (DESIGN 4.5). */
  voidRun(run: Run, reason: string, foreign = false): void {
    if (!run.makeVoid(reason)) return;
    this.counters.voided++;
    this.running.delete(run);
    void this.#resolve(run, foreign).catch((error: unknown) => {
      const { tickets } = this.#executor;
      // A loser with CONFLICT must not answer for the winner from now on.
      if (tickets.get(run.workflowId) === run.ticket) tickets.delete(run.workflowId);
      run.ticket.fail(error);
    });
  }

  /** Every run rests on something that is gone. */
  voidAll(reason: string): void {
    for (const run of this.running) this.voidRun(run, reason, true);
  }

  async #resolve(run: Run, foreign: boolean): Promise<void> {
    const executor = this.#executor;
    const { ticket } = run;
    for (let c = carrier(run); c !== undefined; c = carrier(run)) await c.answered;
    await run.held?.send().catch(ignore);
    await executor.registering;
    await ticket.backoff();
    const row = await executor.store.untilAnswered((store) => store.workflow(run.workflowId));
    run.resolved = true;
    if (ticket.run !== run || ticket.settled || executor.stopping) return;
    const kept = foreign ? [] : run.buffer.map((b) => b.row);
    if (row === undefined) return this.#again(run, kept);
    const mine = row.status === 'PENDING' && row.executorId === executor.id && row.wakeAt === null;
    if (mine) {
      const records = await executor.store.untilAnswered((store) => store.records([run.workflowId]));
      if (ticket.run !== run || ticket.settled) return;
      const parent = run.parent !== undefined && run.parentCall !== undefined && !run.parent.isVoid ? { run: run.parent, call: run.parentCall } : undefined;
      return this.#beginStored(row, records, ticket, parent, kept);
    }
    conflict(run.workflowId, row.name, row.inputHash, run.fn, { hash: ticket.inputHash });
    const outcome = outcomeOf(row);
    if (outcome !== undefined) return this.#settle(ticket, outcome);
    ticket.begun();
    executor.observer.watch(ticket);
  }

  /** No row exists: the workflow is still ours, and begins anew under the present executor id. */
  #again(run: Run, kept: readonly RecordRow[]): void {
    const executor = this.#executor;
    const { ticket, fn } = run;
    if (run.parent !== undefined || run.first === undefined) {
      // An inline child that left nothing: its parent calls it again.
      executor.tickets.delete(run.workflowId);
      return ticket.fail(run.parent !== undefined ? new RunVoid('the run left no row') : apiaryError('NOT_FOUND', { workflowId: run.workflowId }));
    }
    const start: StartRow = { ...run.first, executorId: executor.id };
    const same = run.executorId === executor.id ? kept : [];
    this.begin(
      new Run({
        executor,
        executorId: start.executorId,
        ticket,
        fn,
        input: Input.stored(executor.codec, fn, start.input),
        epoch: 1,
        start,
        history: new Map(same.map((row) => [row.stepId, row])),
        kept: same,
        deadline: run.deadline,
        rootId: run.rootId,
        parentId: run.parentId,
        cancelRequested: run.cancelRequested,
      }),
      executor.targetOf(fn),
    );
  }
}

function isSameAttempt(stored: RecordRow | undefined, row: RecordRow): boolean {
  return stored?.executorId === row.executorId && stored.epoch === row.epoch;
}

function carrier(run: Run): { answered: Promise<void> } | undefined {
  return run.start?.carrier ?? run.buffer.find((b) => b.carrier !== undefined)?.carrier;
}
