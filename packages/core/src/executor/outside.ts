/** Calls and starts from outside any workflow. */
import { apiaryError, raise, type RegisteredFunction } from '@apiary/decorators/internal';
import { isDeepStrictEqual } from 'node:util';
import { checkId, newId } from '../ids.js';
import { outcomeOf, type StoredWorkflow } from '../store/statements/read.js';
import type { Executor } from './executor.js';
import type { StartSettings } from './function-settings.js';
import { Input } from './input.js';
import type { Outcome } from './rows.js';
import { ignore, RunVoid } from './signals.js';
import { Ticket } from './ticket.js';

/** A call with checked arguments. */
interface OutsideCall {
  readonly fn: RegisteredFunction;
  readonly target: object;
  readonly input: Input;
  readonly deadline: number | null;
  readonly workflowId: string | undefined;
  /** Make the start row durable before the body runs. */
  readonly durable: boolean;
}
const noSettings: StartSettings = { workflowId: undefined, deadline: undefined };

export class Outside {
  readonly #executor: Executor;
  #lookups: { readonly id: string; resolve(row: StoredWorkflow | undefined): void; reject(error: unknown): void }[] = [];

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /** A direct call: the result of a durable run under a new id. */
  call(fn: RegisteredFunction, target: object, args: readonly unknown[]): Promise<unknown> {
    try {
      return this.result(this.start(fn, target, args, noSettings, false));
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  /** The outcome of a ticket as a caller sees it; each caller gets a copy of its own. */
  result(ticket: Ticket): Promise<unknown> {
    ticket.hasWaiters = true;
    return ticket.outcome.then(this.#open);
  }

  readonly #open = (outcome: Outcome): unknown => {
    if (outcome.status === 'SUCCESS') return this.#executor.codec.decode(outcome.output);
    throw this.#executor.lifecycle.errorOf(outcome);
  };

  /**
   * Starts a workflow, or joins the one that has this id. Throws what is wrong with the arguments at once; everything else is told
   * through the ticket.
   * @param durable make the start row durable before the body runs
   */
  start(fn: RegisteredFunction, target: object, args: readonly unknown[], settings: StartSettings, durable: boolean): Ticket {
    const executor = this.#executor;
    if (executor.stopping) raise('SHUTTING_DOWN', {});
    const { workflowId } = settings;
    if (workflowId !== undefined) checkId(workflowId);
    const input = Input.of(executor.codec, fn, args);
    const deadline = executor.functions.deadline(fn, settings.deadline, null, executor.clock.now());
    return this.#start({ fn, target, input, deadline, workflowId, durable });
  }

  #start(call: OutsideCall): Ticket {
    const executor = this.#executor;
    const { fn, input, workflowId } = call;
    const known = workflowId === undefined ? undefined : executor.tickets.get(workflowId);
    if (known !== undefined && known.name !== '') {
      // Only what is stored can tell whether this is another input, or the other call was the wrong one.
      const undecided = known.looking !== undefined || known.run === undefined;
      if (undecided && (known.name !== fn.name || known.inputHash !== input.hash)) return this.#startApart(known, call);
      this.#sameCall(known.workflowId, known.name, known.inputHash, fn, input, known.run?.input.text);
      return known;
    }
    const ticket = executor.lifecycle.newTicket(workflowId ?? newId(), fn.name, input.hash);
    if (workflowId === undefined) this.#begin(ticket, call, true);
    else {
      ticket.looking = this.#join(ticket, fn, input)
        .then(
          (absent) => {
            if (absent) this.#begin(ticket, call, false);
          },
          (error: unknown) => this.#refuse(ticket, error),
        )
        .finally(() => (ticket.looking = undefined));
    }
    return ticket;
  }

  /** A ticket of its own, which follows that of the id once it is known whose call the stored one is. */
  #startApart(known: Ticket, call: OutsideCall): Ticket {
    const { fn, input } = call;
    const apart = new Ticket(known.workflowId, fn.name, input.hash);
    const follow = async (): Promise<void> => {
      let present: Ticket | undefined = known;
      for (; present?.looking !== undefined; present = this.#executor.tickets.get(known.workflowId)) await present.looking;
      const row = present === undefined || present.run !== undefined ? undefined : await this.#lookup(known.workflowId);
      if (row !== undefined) this.#sameCall(row.workflowId, row.name, row.inputHash, fn, input, row.input);
      const followed = row === undefined || present === undefined ? this.#start(call) : present;
      followed.hasWaiters = true;
      followed.started.then(() => apart.begun(), ignore);
      apart.settle(await followed.outcome);
    };
    follow().catch((error: unknown) => apart.fail(error));
    return apart;
  }

  #begin(ticket: Ticket, { fn, target, input, deadline, durable }: OutsideCall, first: boolean): void {
    const executor = this.#executor;
    const start = executor.lifecycle.startRow(fn, ticket.workflowId, input, deadline);
    const run = executor.lifecycle.newRun(start, ticket, fn, input, { isDurable: false, first });
    if (!durable) return executor.lifecycle.begin(run, target);
    ticket.run = run;
    executor.barrier.flush(run).then(
      () => executor.lifecycle.begin(run, target),
      (error: unknown) => {
        if (!(error instanceof RunVoid)) this.#refuse(ticket, error); // a void run is resolved like any other
      },
    );
  }

  /** True if nothing has this id; else the ticket is told, or will be. */
  async #join(ticket: Ticket, fn: RegisteredFunction, input: Input): Promise<boolean> {
    const row = await this.#lookup(ticket.workflowId);
    if (row === undefined) return true;
    this.#sameCall(row.workflowId, row.name, row.inputHash, fn, input, row.input);
    const outcome = outcomeOf(row);
    if (outcome !== undefined) {
      this.#executor.tickets.delete(ticket.workflowId);
      ticket.settle(outcome);
    } else {
      ticket.begun();
      const executor = this.#executor;
      // Mine, and not running here: the answer of its start or claim was lost. Whoever runs it meanwhile settles this ticket.
      if (row.executorId === executor.id && row.wakeAt === null)
        await executor.lifecycle.adopt(async () => (ticket.settled ? [] : executor.store.untilAnswered((s) => s.withRecords([row]))));
      else executor.observer.watch(ticket);
    }
    return false;
  }

  /** @throws CONFLICT */
  #sameCall(id: string, storedName: string, storedHash: string | null, fn: RegisteredFunction, input: Input, storedInput: string | null | undefined): void {
    if (storedName !== fn.name) throw apiaryError('CONFLICT', { stored: storedName, given: fn.name, field: 'function' }, { workflowId: id });
    if (storedHash === null || storedHash === input.hash) return;
    // Keys in another order are the same input.
    const { codec } = this.#executor;
    if (storedInput !== undefined && isDeepStrictEqual(codec.decode(storedInput), codec.decode(input.text))) return;
    throw apiaryError('CONFLICT', { stored: storedInput ?? storedHash, given: input.text ?? input.hash, field: 'input' }, { workflowId: id });
  }

  #refuse(ticket: Ticket, error: unknown): void {
    this.#executor.tickets.delete(ticket.workflowId);
    ticket.fail(error);
  }

  /** Lookups of concurrent calls share one statement. */
  #lookup(id: string): Promise<StoredWorkflow | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#lookups.push({ id, resolve, reject }) === 1) setImmediate(this.#sendLookups);
    });
  }

  readonly #sendLookups = (): void => {
    const lookups = this.#lookups;
    this.#lookups = [];
    this.#executor.store
      .untilAnswered((store) => store.workflows(lookups.map((l) => l.id)))
      .then(
        (rows) => {
          const found = new Map(rows.map((row) => [row.workflowId, row]));
          for (const lookup of lookups) lookup.resolve(found.get(lookup.id));
        },
        (error: unknown) => lookups.forEach((l) => l.reject(error)),
      )
      .catch(ignore);
  };

  /** The error of a cancelled workflow, as stored. */
  cancelledError(workflowId: string): string {
    return this.#executor.codec.encodeError(apiaryError('CANCELLED', { workflowId }, { workflowId }));
  }
}
