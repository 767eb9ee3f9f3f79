/** Waits for outcomes of workflows that this process does not run: one read a round for all of them; polling is the guarantee (DESIGN L9). */
import { apiaryError } from '@apiary/decorators/internal';
import { after, type Alarm } from '../clock.js';
import { outcomeOf, type StoredWorkflow } from '../store/statements/read.js';
import type { Executor } from './executor.js';
import { Ticket } from './ticket.js';

const firstMs = 10;

export class Observer {
  readonly #executor: Executor;
  /** By workflow: more than one where a start came after a handle. */
  readonly #watched = new Map<string, Set<Ticket>>();
  /** By workflow: the executor that was asked to tell when it ends. */
  readonly #asked = new Map<string, string>();
  #alarm: Alarm | undefined;
  #delay = firstMs;
  #busy = false;
  #closed = false;

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  get size(): number {
    return this.#watched.size;
  }

  /** A ticket for the outcome of any workflow: the one of this process, or an observed one. Fails with NOT_FOUND. */
  ticket(workflowId: string): Ticket {
    const known = this.#executor.tickets.get(workflowId);
    if (known !== undefined) return known;
    const ticket = new Ticket(workflowId, '', '');
    if (!this.#closed) this.#executor.tickets.set(workflowId, ticket);
    this.watch(ticket);
    return ticket;
  }

  watch(ticket: Ticket): void {
    if (ticket.settled) return;
    if (this.#closed) return ticket.fail(apiaryError('SHUTTING_DOWN', {}));
    const others = this.#watched.get(ticket.workflowId);
    if (others === undefined) this.#watched.set(ticket.workflowId, new Set([ticket]));
    else others.add(ticket);
    this.#delay = firstMs;
    this.#plan(0);
  }

  /** A hint that something ended. */
  hint(): void {
    if (this.#watched.size > 0) this.#plan(0);
  }

  close(): void {
    this.#closed = true;
    this.#alarm?.cancel();
  }

  #plan(delay: number): void {
    this.#alarm?.cancel();
    if (!this.#closed && this.#watched.size > 0) this.#alarm = after(delay, this.#look);
  }

  readonly #look = (): void => {
    if (this.#busy) return;
    this.#busy = true;
    void this.#read().finally(() => {
      this.#busy = false;
      this.#delay = Math.min(this.#executor.config.pollMs, this.#delay * 1.5);
      this.#plan(this.#delay);
    });
  };

  async #read(): Promise<void> {
    for (const [id, tickets] of this.#watched) {
      for (const ticket of tickets) if (ticket.settled) tickets.delete(ticket);
      if (tickets.size === 0) this.#watched.delete(id);
    }
    const ids = [...this.#watched].filter(([, tickets]) => [...tickets].some(isRunElsewhere)).map(([id]) => id);
    if (ids.length === 0) return;
    let rows: StoredWorkflow[];
    try {
      rows = await this.#executor.store.workflows(ids);
    } catch {
      return; // the next round asks again
    }
    const found = new Map(rows.map((row) => [row.workflowId, row]));
    for (const id of ids) this.#tell(id, found.get(id));
  }

  #ask({ workflowId, executorId }: StoredWorkflow): void {
    if (executorId === null || executorId === this.#executor.id || this.#asked.get(workflowId) === executorId) return;
    this.#asked.set(workflowId, executorId);
    this.#executor.notifications.watch(executorId, workflowId);
  }

  #tell(id: string, row: StoredWorkflow | undefined): void {
    const outcome = row === undefined ? undefined : outcomeOf(row);
    if (row !== undefined && outcome === undefined) return this.#ask(row);
    const tickets = this.#watched.get(id) ?? new Set();
    for (const ticket of tickets) {
      if (!isRunElsewhere(ticket)) continue;
      tickets.delete(ticket);
      if (this.#executor.tickets.get(id) === ticket) this.#executor.tickets.delete(id);
      if (outcome === undefined) ticket.fail(apiaryError('NOT_FOUND', { workflowId: id }, { workflowId: id }));
      else ticket.settle(outcome);
    }
    if (tickets.size > 0) return;
    this.#watched.delete(id);
    this.#asked.delete(id);
  }
}

/** A run of this process settles its ticket itself. */
function isRunElsewhere({ run }: Ticket): boolean {
  return run === undefined || run.isVoid;
}
