/**
 * The one loop of an idle executor: once a poll it sends one statement that renews the lease and brings back all there is to know
 * (cancellations, rows of mine that I do not run, when the next parked workflow is due, other executors).
 */
import { after, monotonic, type Alarm, type Timer } from '../clock.js';
import type { Executor } from '../executor/executor.js';
import type { StoredWorkflow } from '../store/statements/read.js';
import { Takeover, type OtherExecutor } from './takeover.js';

interface Tick {
  readonly renewed: number;
  readonly databaseNow: number;
  readonly pending: number;
  readonly cancelled: readonly string[] | null;
  readonly nextWake: number | null;
  readonly others: readonly OtherExecutor[] | null;
}

const wakeBatch = 200;

export class Poll {
  readonly #executor: Executor;
  readonly #takeover: Takeover;
  #alarm: Alarm | undefined;
  #wake: { readonly at: number; readonly timer: Timer } | undefined;
  #stopped = false;
  #sweepDue = false;
  #sweeping = false;
  #more = 0;
  #current: Promise<void> | undefined;
  #delay: number;

  constructor(executor: Executor) {
    this.#executor = executor;
    this.#delay = executor.config.pollMs;
    this.#takeover = new Takeover(executor);
    executor.notifications.onCancel = () => void this.#tick();
    executor.lifecycle.onAdopt = () => void this.sweep();
    executor.lifecycle.onParked = (wakeAt) => this.#wakeAt(wakeAt);
  }

  /** The first tick at once, the others a poll apart. */
  async start(): Promise<void> {
    await this.#tick();
    this.#plan();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#alarm?.cancel();
    this.#wake?.timer.cancel();
    await this.#current;
    await this.#takeover.idle();
  }

  /** One tick now; resolves when what it found has been taken up. */
  async now(): Promise<void> {
    await this.#tick();
    await this.#takeover.idle();
  }

  #plan(): void {
    if (this.#stopped) return;
    this.#alarm = after(this.#delay, () => {
      void this.#tick().finally(() => this.#plan());
    });
  }

  #tick(): Promise<void> {
    return (this.#current ??= this.#once()
      .catch((error: unknown) => {
        if (!this.#stopped) this.#executor.log.warn('a poll failed', { error: String(error) });
      })
      .finally(() => {
        this.#current = undefined;
      }));
  }

  /** Waits for nothing but its one statement: what it finds is taken up beside it, so that nothing can keep the lease from being renewed. */
  async #once(): Promise<void> {
    const { executorId, store, lease, clock, version, identity } = this.#executor;
    const { pollMs } = this.#executor.config;
    this.#delay = pollMs;
    if (this.#stopped || !identity.registered) return;
    const sent = monotonic();
    const known = this.#executor.lifecycle.durable();
    const { rows } = await store.query<Tick>('tick', [executorId, lease.durationMs, version]);
    const tick = rows[0];
    if (tick === undefined || this.#stopped || executorId !== this.#executor.id) return;
    if (tick.renewed === 0) return this.#executor.fenced();
    lease.renewed(sent);
    clock.synchronise(tick.databaseNow, sent, monotonic());
    for (const id of tick.cancelled ?? []) this.#executor.tickets.get(id)?.run?.cancel();
    this.#adoptMine(tick, known);
    if (tick.nextWake !== null) this.#wakeAt(tick.nextWake);
    void this.#executor.notifications.listen();
    // A lease that ends before the next poll is looked at when it ends: a takeover comes within lease + poll of the last renewal.
    this.#delay = Math.min(pollMs, Math.ceil(this.#takeover.look(tick.others ?? [])) + 1);
  }

  /** More rows of mine than runs, twice in a row: an answer was lost somewhere (DESIGN 4.5). */
  #adoptMine(tick: Tick, known: number): void {
    this.#more = tick.pending > known ? this.#more + 1 : 0;
    if (this.#more < 2 && !this.#sweepDue) return;
    this.#more = 0;
    void this.sweep();
  }

  /** Adopts unparked PENDING rows that carry this executor's id and that it neither runs nor has in flight. */
  async sweep(): Promise<void> {
    this.#sweepDue = true;
    if (this.#sweeping || this.#stopped) return;
    this.#sweeping = true;
    try {
      this.#sweepDue = false;
      const { store, tickets, lifecycle, executorId } = this.#executor;
      const { rows } = await store.query<{ workflowId: string }>('mine', [executorId]);
      const lost = rows
        .map((row) => row.workflowId)
        .filter((id) => {
          const ticket = tickets.get(id);
          return ticket === undefined || ticket.isObserved || (ticket.run?.isVoid === true && ticket.run.resolved);
        });
      if (lost.length === 0) return;
      await lifecycle.adopt(async () => {
        const workflows = (await store.workflows(lost)).filter((w) => w.status === 'PENDING' && w.executorId === this.#executor.id && w.wakeAt === null);
        return store.withRecords(workflows);
      });
    } catch (error) {
      this.#sweepDue = true;
      if (!this.#stopped) this.#executor.log.warn('looking for own rows failed', { error: String(error) });
    } finally {
      this.#sweeping = false;
    }
  }

  #wakeAt(at: number): void {
    if (this.#stopped || (this.#wake !== undefined && this.#wake.at <= at)) return;
    this.#wake?.timer.cancel();
    const timer = this.#executor.clock.setTimer(at, () => {
      this.#wake = undefined;
      void this.wake();
    });
    this.#wake = { at, timer };
  }

  /** Takes parked workflows that are due. */
  async wake(): Promise<void> {
    const { lifecycle, store, version, clock } = this.#executor;
    if (this.#stopped || this.#executor.stopping) return;
    try {
      for (;;) {
        let woken = 0;
        await lifecycle.adopt(async () => {
          const { rows } = await this.#executor.owning<StoredWorkflow>('wake', (me) => [me, version, clock.offsetMs, wakeBatch]);
          woken = rows.length;
          return store.untilAnswered((s) => s.withRecords(rows));
        });
        if (woken < wakeBatch) return;
      }
    } catch (error) {
      if (!this.#stopped) this.#executor.log.warn('waking parked workflows failed; the next poll tries again', { error: String(error) });
    }
  }
}
