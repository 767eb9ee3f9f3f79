/**
 * One execution of a workflow's body, bound to (workflow_id, epoch). It numbers the calls of the body, replays those that have a record
 * and has the others performed; it holds the buffer. What a run found void is, and what follows, is DESIGN 4.5.
 */
import { apiaryError, type ApiaryError, type RegisteredFunction } from '@apiary/decorators/internal';
import { context } from '../context.js';
import { asEngine, bodiesAreGuarded } from '../determinism/engine-scope.js';
import { carrierOf, isDurable, type Buffered } from './buffer.js';
import type { Executor } from './executor.js';
import type { HeldFlight } from './held-flight.js';
import type { Input } from './input.js';
import { Interruptible } from './interruptible.js';
import type { RecordRow, StartRow, StepKind } from './rows.js';
import { DeliveryOrder, placeOf } from './delivery-order.js';
import { ignore, never, refused, RunVoid } from './signals.js';
import type { Ticket } from './ticket.js';

/** One engine call of a body, from the call until the body was told its result. */
export interface Call {
  readonly stepId: string;
  readonly name: string;
  readonly kind: StepKind;
  readonly inputHash: string | null;
  readonly startedAt: number;
  /** Its place in the order of delivery, from the moment its row is made: see delivery-order.ts. */
  place: number | undefined;
  /** A sleep whose end is recorded: when the body has ended nothing of it is left to do. */
  resting?: true;
}

export type RunState = 'running' | 'ending' | 'ended' | 'void';
export type History = ReadonlyMap<string, RecordRow>;

export interface RunOptions {
  readonly executor: Executor;
  /** That of its row. Once the executor has another one, the row is for whoever supersedes this one, and the run is void. */
  readonly executorId: string;
  readonly ticket: Ticket;
  readonly fn: RegisteredFunction;
  readonly input: Input;
  readonly epoch: number;
  /** Undefined when the row exists. */
  readonly start: StartRow | undefined;
  readonly history: History;
  readonly kept?: readonly RecordRow[];
  readonly deadline: number | null;
  readonly rootId: string;
  readonly parentId: string | null;
  readonly parent?: { readonly run: Run; readonly call: Call } | undefined;
  readonly cancelRequested?: boolean;
  readonly recoveries?: number;
  /** Nothing of this workflow can exist yet: it was begun here, under a new id. */
  readonly first?: boolean;
}

export class Run extends Interruptible {
  readonly executorId: string;
  readonly ticket: Ticket;
  readonly fn: RegisteredFunction;
  readonly input: Input;
  readonly epoch: number;
  readonly rootId: string;
  readonly parentId: string | null;
  /** The run whose body called this one inline. */
  readonly parent: Run | undefined;
  readonly parentCall: Call | undefined;
  readonly recoveries: number;
  readonly isFirst: boolean;
  /** The row with which the workflow began in this process, for a run that has to begin again. */
  readonly first: StartRow | undefined;
  /** Undefined once durable. */
  start: Buffered<StartRow> | undefined;
  buffer: Buffered<RecordRow>[];
  readonly history: History;
  /** Calls whose result the body does not have yet. */
  readonly open = new Set<Call>();
  /** The final flight of the last transaction, whose value the body already has (DESIGN 4.4). */
  held: HeldFlight | undefined;
  state: RunState = 'running';
  /** In the roster; -1: it is in none. */
  seat = -1;
  /** Void, with all its carriers answered and its row read again. */
  resolved = false;
  /** A replay that called something else: the outcome, whatever the body makes of it. */
  poisoned: ApiaryError | undefined;
  #children: Set<string> | undefined;
  #inline: Set<Run> | undefined;
  readonly delivery = new DeliveryOrder(this.open);
  #nextStep = 0;
  #drained: (() => void) | undefined;
  /** Lines logged on a value that is not durable yet. */
  heldLog: (() => void)[] | undefined;

  constructor(options: RunOptions) {
    const { executor, ticket } = options;
    super(executor, ticket.workflowId, options.deadline, options.cancelRequested ?? false);
    this.executorId = options.executorId;
    this.ticket = ticket;
    this.fn = options.fn;
    this.input = options.input;
    this.epoch = options.epoch;
    this.rootId = options.rootId;
    this.parentId = options.parentId;
    this.parent = options.parent?.run;
    this.parentCall = options.parent?.call;
    this.first = options.start;
    this.start = options.start === undefined ? undefined : { row: options.start, carrier: undefined };
    this.history = options.history;
    this.buffer = options.kept === undefined ? [] : options.kept.map((row) => ({ row, carrier: undefined }));
    this.recoveries = options.recoveries ?? 0;
    this.isFirst = options.first ?? false;
    for (const record of options.history.values()) {
      if (record.childId !== null) this.addChild(record.childId);
      this.delivery.recorded(record);
    }
    if (this.parent !== undefined) (this.parent.#inline ??= new Set()).add(this);
  }

  override get isVoid(): boolean {
    return this.state === 'void';
  }

  /** The body has not yet come to a call that has no record. */
  get isReplaying(): boolean {
    return this.#nextStep < this.history.size;
  }

  /** It has made a record since it began. */
  get progressed(): boolean {
    return this.#nextStep > this.history.size + 1;
  }

  /** Of workflows that its body has called or started. */
  get children(): ReadonlySet<string> | undefined {
    return this.#children;
  }

  addChild(workflowId: string): void {
    (this.#children ??= new Set()).add(workflowId);
  }

  startDurable(): void {
    this.start = undefined;
    this.ticket.begun();
  }

  // ---- calls ---------------------------------------------------------------------------------------------------------------------

  /** Numbers a call, then replays or performs it. The promise never settles once the run is void. */
  step<T>(
    kind: StepKind,
    name: string,
    inputHash: string | null,
    perform: (call: Call) => Promise<T>,
    restore: (record: RecordRow) => T | Promise<T>,
  ): Promise<T> {
    return bodiesAreGuarded() ? asEngine(() => this.#step(kind, name, inputHash, perform, restore)) : this.#step(kind, name, inputHash, perform, restore);
  }

  #step<T>(
    kind: StepKind,
    name: string,
    inputHash: string | null,
    perform: (call: Call) => Promise<T>,
    restore: (record: RecordRow) => T | Promise<T>,
  ): Promise<T> {
    if (this.state === 'void') return never();
    const stepId = String(this.#nextStep++);
    if (this.state !== 'running') return refused(this.floating({ stepId, name }));
    const call: Call = { stepId, name, kind, inputHash, startedAt: this.executor.clock.now(), place: undefined };
    this.open.add(call);
    // Before its start is durable, no call ends in the turn in which it was made.
    if (this.start === undefined) this.delivery.active();
    const promise = this.#settle(call, perform, restore);
    promise.catch(ignore); // a floating rejection must not end the process
    return promise;
  }

  /** A value that a replay must see again. Synchronous: the records are read before the body runs. */
  value<T>(name: string, make: () => T): T {
    return bodiesAreGuarded() ? asEngine(() => this.#value(name, make)) : this.#value(name, make);
  }

  #value<T>(name: string, make: () => T): T {
    // It cannot stay pending as other calls of a void run do, and no exception may reach its body: what comes of it is ignored anyway.
    if (this.state === 'void') return make();
    const stepId = String(this.#nextStep++);
    if (this.state !== 'running') throw this.floating({ stepId, name });
    const call: Call = { stepId, name, kind: 'value', inputHash: null, startedAt: this.executor.clock.now(), place: undefined };
    const record = this.history.get(stepId);
    if (record !== undefined) {
      this.#check(call, record);
      return this.executor.codec.decode(record.output) as T;
    }
    const { text, value } = this.executor.codec.copy(make(), name);
    // What an interrupted body goes on with is not what it would have done: after a resume something else has this number.
    if (this.interruption() === undefined) this.record(call, { output: text });
    return value;
  }

  #settle<T>(call: Call, perform: (call: Call) => Promise<T>, restore: (record: RecordRow) => T | Promise<T>): Promise<T> {
    const record = this.history.get(call.stepId);
    const settled = record === undefined ? perform(call) : this.#replay(call, record, restore);
    return settled.then(
      (value) => this.#deliver(call, () => value),
      (error: unknown) => {
        if (error instanceof RunVoid) return never();
        // A wait that was given up did not end: after a resume it goes on.
        if (this.isOwnInterruption(error)) call.place = undefined;
        return this.#deliver(call, () => {
          throw error;
        });
      },
    );
  }

  async #replay<T>(call: Call, record: RecordRow, restore: (record: RecordRow) => T | Promise<T>): Promise<T> {
    this.#check(call, record);
    call.place = placeOf(record, this.executor.codec);
    if (record.kind === 'sleep') call.resting = true;
    await this.delivery.replayed(call);
    return restore(record);
  }

  /** Tells the body what came of a call, when it is its turn. */
  #deliver<T>(call: Call, tell: () => T): T | Promise<T> {
    if (this.isVoid) return never();
    const wait = this.delivery.wait(call);
    if (wait !== undefined) return wait.then(() => this.#deliver(call, tell));
    this.delivery.active();
    this.#close(call);
    return tell();
  }

  #close(call: Call): void {
    this.open.delete(call);
    this.delivery.delivered(call);
    this.#drained?.();
  }

  /** A sleep whose row is durable: it is delivered when it ends, not when its row was made. */
  rests(call: Call, dueMs: number): void {
    call.resting = true;
    this.delivery.rests(call, dueMs);
    this.#drained?.();
  }

  /** The error of a call that the body has not waited for. */
  floating({ stepId, name }: Pick<Call, 'stepId' | 'name'>): ApiaryError {
    return apiaryError('FLOATING_CALL', { stepId, called: name }, { workflowId: this.workflowId, stepId });
  }

  /** Resolves when no call is open that does something: sleeps end with the body. */
  async drained(): Promise<void> {
    while ([...this.open].some((call) => call.resting !== true)) await new Promise<void>((resolve) => (this.#drained = resolve));
  }

  /** The replay has to call what the history says (DESIGN L5). */
  #check(call: Call, record: RecordRow): void {
    if (this.poisoned !== undefined) throw this.poisoned;
    if (record.name === call.name && record.inputHash === call.inputHash) return;
    const same = record.name === call.name;
    this.poisoned = apiaryError(
      'NONDETERMINISM',
      {
        stepId: call.stepId,
        recorded: same ? `${record.name} with input ${record.inputHash}` : record.name,
        called: same ? `${call.name} with input ${call.inputHash}` : call.name,
      },
      { workflowId: this.workflowId, stepId: call.stepId },
    );
    throw this.poisoned;
  }

  /**
   * What has to hold before something new is done: delivered values durable or in the same commit, lease, no cancellation. Undefined if it
   * does, which is the rule.
   */
  ready(call: Call): Promise<void> | undefined {
    const { journal, lease, stopping } = this.executor;
    if (this.held !== undefined || stopping || !journal.hasRoom || !lease.isLive() || this.hasSiblings(call)) return this.#becomeReady(call);
    this.#refuse();
    return undefined;
  }

  async #becomeReady(call: Call): Promise<void> {
    if (this.held !== undefined) await this.held.send();
    if (!this.isVoid && this.executor.stopping) return never(); // what comes next is for the executor that claims the workflow
    this.#refuse();
    const room = this.executor.journal.room();
    if (room !== undefined) await room;
    if (!this.executor.lease.isLive()) await this.executor.lease.live();
    if (this.isVoid) throw new RunVoid();
    if (this.hasSiblings(call)) await this.flushed();
  }

  /** Nothing new is begun: the run is void, or has met its end from outside. */
  #refuse(): void {
    if (this.isVoid) throw new RunVoid();
    const interruption = this.interruption();
    if (interruption !== undefined) throw interruption;
    if (this.poisoned !== undefined) throw this.poisoned;
  }

  /** An unsettled call beside this one, in this run or beside one of its ancestors. */
  hasSiblings(call: Call): boolean {
    let skip: Call | undefined = call;
    for (let run: Run | undefined = this; run !== undefined; skip = run.parentCall, run = run.parent) {
      if (run.open.size > 1 || (run.open.size === 1 && !(skip !== undefined && run.open.has(skip)))) return true;
    }
    return false;
  }

  /** Start row and buffer of the chain are durable: by the journal, or by a final flight that is under way. */
  async flushed(): Promise<void> {
    for (let next = this.unflushed(); next !== undefined; next = this.unflushed()) await next;
  }

  /** What is to be waited for until they are; then it is to be asked again. Undefined: they are. */
  unflushed(): Promise<unknown> | undefined {
    if (this.isVoid) throw new RunVoid();
    if (isDurable(this)) return undefined;
    return (carrierOf(this, 'flight') ?? carrierOf(this, 'journal'))?.answered ?? this.executor.barrier.flush(this);
  }

  row(call: Call, result: { output?: string | null; error?: string | null; attempts?: number; childId?: string | null }): RecordRow {
    return {
      workflowId: this.workflowId,
      stepId: call.stepId,
      name: call.name,
      kind: call.kind,
      inputHash: call.inputHash,
      output: result.output ?? null,
      error: result.error ?? null,
      attempts: result.attempts ?? 1,
      childId: result.childId ?? null,
      executorId: this.executorId,
      epoch: this.epoch,
      startedAt: call.startedAt * 1000,
      completedAt: this.delivery.place(call, this.executor.clock.now()),
    };
  }

  /** Puts a record into the buffer. */
  record(call: Call, result: { output?: string | null; error?: string | null; attempts?: number; childId?: string | null }): Buffered<RecordRow> {
    const buffered = { row: this.row(call, result), carrier: undefined };
    this.buffer.push(buffered);
    return buffered;
  }

  /** Drops buffered records that were made after this one. */
  dropAfter(record: RecordRow): void {
    this.buffer = this.buffer.filter((b) => b.row.completedAt < record.completedAt);
  }

  // ---- ends ------------------------------------------------------------------------------------------------------------------------

  cancel(): void {
    if (this.cancelRequested) return;
    this.cancelRequested = true;
    this.interruptBy(this.interruption());
    for (const child of this.#inline ?? []) child.cancel();
  }

  /** Its promises never settle from here on; inline children go with it. No exception reaches user code. */
  makeVoid(reason: string): boolean {
    if (!this.#stop(reason)) return false;
    this.executor.probe('run:void', { workflowId: this.workflowId, reason });
    for (const child of this.#inline ?? []) this.executor.lifecycle.voidRun(child, `its parent run is void: ${reason}`);
    return true;
  }

  /** Leaves memory while the workflow waits: the body is replayed when it goes on. */
  park(): void {
    this.#stop('parked');
  }

  #stop(reason: string): boolean {
    if (this.state === 'void' || this.state === 'ended') return false;
    this.state = 'void';
    this.heldLog = undefined;
    this.#release();
    this.interruptBy(new RunVoid(reason));
    return true;
  }

  ended(): void {
    this.state = 'ended';
    this.#release();
    if (this.open.size > 0) this.interruptBy(new RunVoid('the body has ended'));
  }

  #release(): void {
    this.released();
    if (this.parent !== undefined) this.parent.#inline?.delete(this);
  }

  /** Runs code in the context of the body. */
  enter<T>(work: () => T): T {
    return context.run({ kind: 'workflow', executor: this.executor, run: this }, work);
  }
}
