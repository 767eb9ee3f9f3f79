/**
 * Wake-ups by LISTEN/NOTIFY. A hint, never more: everything is found by polling too (DESIGN L9). Payloads name executors and hashes of
 * ids, on one channel of constant name, sent in batches from a connection of the engine and never from a user's transaction.
 *
 * `cancel <executor>`: look at your cancellations. `watch <executor> <hash>`: tell when that workflow ends. `ended <hash>`: it did.
 */
import { monotonic } from '../clock.js';
import type { Executor } from '../executor/executor.js';
import { inputHash } from '../ids.js';
import type { Connection } from '../store/connection/connection.js';

const mostWatched = 10_000;
const reopenMs = 5000;
const deadlineMs = 15_000;

export class Notifications {
  readonly #executor: Executor;
  readonly #channel: string;
  readonly #watched = new Set<string>();
  #outbox = new Set<string>();
  #sending = false;
  #listener: Connection | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;
  #closed = false;
  /** Called when a cancellation may wait. */
  onCancel: () => void = () => {};

  constructor(executor: Executor) {
    this.#executor = executor;
    this.#channel = `apiary_${inputHash(executor.schema).slice(0, 24)}`;
  }

  get isOn(): boolean {
    return this.#executor.config.notify && !this.#executor.store.connections.poolerSuspected && !this.#closed;
  }

  /** Opens the listening connection, or opens it again after it was lost. Never rejects. */
  async listen(): Promise<void> {
    if (!this.isOn || (this.#listener !== undefined && !this.#listener.lost) || monotonic() - this.#triedAt < reopenMs) return;
    this.#triedAt = monotonic();
    try {
      const connection = await this.#executor.store.connections.dedicated('system');
      this.#listener = connection;
      connection.client.on('notification', (message: { payload?: string | undefined }) => this.#heard(message.payload ?? ''));
      await connection.fly([{ text: `listen ${this.#channel}` }], { deadlineMs });
      this.#executor.observer.hint(); // what ended meanwhile was not heard
    } catch (error) {
      if (!this.#closed) this.#executor.log.debug('listening failed; polling goes on', { error: String(error) });
    }
  }

  cancelled(executorId: string): void {
    this.#send(`cancel ${executorId}`);
  }

  watch(executorId: string, workflowId: string): void {
    this.#send(`watch ${executorId} ${inputHash(workflowId)}`);
  }

  ended(workflowId: string): void {
    if (this.#watched.size === 0) return;
    const hash = inputHash(workflowId);
    if (this.#watched.delete(hash)) this.#send(`ended ${hash}`);
  }

  close(): void {
    this.#closed = true;
    this.#listener?.destroy();
  }

  #heard(payload: string): void {
    const [kind, whom = '', what] = payload.split(' ');
    const mine = whom === this.#executor.id;
    if (kind === 'cancel' && mine) this.onCancel();
    else if (kind === 'watch' && mine && what !== undefined && this.#watched.size < mostWatched) this.#watched.add(what);
    else if (kind === 'ended') this.#executor.observer.hint();
  }

  #send(payload: string): void {
    if (!this.isOn) return;
    this.#outbox.add(payload);
    if (this.#sending) return;
    this.#sending = true;
    setImmediate(() => {
      const payloads = [...this.#outbox];
      this.#outbox = new Set();
      this.#sending = false;
      this.#executor.store.query('notify', [this.#channel, payloads]).catch(() => {}); // the poll finds it
    });
  }
}
