/**
 * The one writer: it makes the buffers of all runs of a process durable, many in one commit. It flushes at once when idle and gathers
 * while busy. Its connection is its own. Batches are sent one after the other, so the order of pushing is the order of durability; a
 * batch that fails is split into its groups, still in order, so that a poison row fails alone (DESIGN 4.3).
 */
import { classify, isInfrastructure } from '../store/connection/classify.js';
import type { Connection } from '../store/connection/connection.js';
import type { Store } from '../store/store.js';
import { Backoff } from '../backoff.js';
import { emptyCargo } from '../executor/rows.js';
import { LostRow, type Group } from './group.js';

const maxGroups = 500;
const maxBytes = 4 << 20;
/** Above this many unflushed bytes new steps wait. */
const bound = 64 << 20;
const deadlineMs = 30_000;

export interface JournalOwner {
  readonly store: Store;
  readonly executorId: string;
  offsetMs(): number;
  /** Under way while the executor registers anew: no row may carry an id that is not registered, since nobody would look for it. */
  readonly registering: Promise<void> | undefined;
  fenced(): void;
}

export class Journal {
  readonly #owner: JournalOwner;
  #queue: Group[] = [];
  #bytes = 0;
  #connection: Connection | undefined;
  #scheduled = false;
  #busy = false;
  #closed = false;
  #waiting: (() => void)[] = [];
  /** How many batches and groups became durable; for tests and gauges. */
  readonly counters = { batches: 0, groups: 0, splits: 0 };

  constructor(owner: JournalOwner) {
    this.#owner = owner;
  }

  push(group: Group): void {
    this.#queue.push(group);
    this.#bytes += group.bytes;
    if (this.#busy || this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  /** Resolves when the unflushed bytes are under the bound; undefined when they are. */
  room(): Promise<void> | undefined {
    if (this.#bytes <= bound) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves when nothing is queued or under way. */
  async idle(): Promise<void> {
    while (this.#busy || this.#queue.length > 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Drops what is queued (the runs are void) and the connection: the next batch opens another one. */
  async reset(): Promise<void> {
    for (const group of this.#take(() => true)) group.failed(new LostRow('the executor was fenced'));
    this.#connection?.destroy();
  }

  async close(): Promise<void> {
    await this.idle();
    this.#closed = true;
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    if (this.#busy) return;
    this.#busy = true;
    void this.#drain().finally(() => {
      this.#busy = false;
      if (this.#queue.length > 0 && !this.#scheduled) {
        this.#scheduled = true;
        setImmediate(this.#flush);
      }
    });
  };

  async #drain(): Promise<void> {
    while (this.#queue.length > 0 && !this.#closed) {
      const batch = this.#nextBatch();
      if (batch.length > 0) await this.#write(batch);
      for (const group of batch) this.#bytes -= group.bytes;
      if (this.#bytes <= bound && this.#waiting.length > 0) for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }

  #nextBatch(): Group[] {
    let bytes = 0;
    return this.#take((taken, group) => {
      bytes += group.bytes;
      return taken === 0 || (taken < maxGroups && bytes <= maxBytes);
    });
  }

  /** Takes groups from the front while the condition holds; those no longer wanted are dropped. */
  #take(more: (taken: number, group: Group) => boolean): Group[] {
    const out: Group[] = [];
    let end = 0;
    for (; end < this.#queue.length; end++) {
      const group = this.#queue[end] as Group;
      if (!more(out.length, group)) break;
      if (group.wanted()) out.push(group);
      else {
        this.#bytes -= group.bytes;
        group.failed(new LostRow('its run is void'));
      }
    }
    this.#queue = end === this.#queue.length ? [] : this.#queue.slice(end);
    return out;
  }

  /** Writes a batch, however often infrastructure fails; never throws. */
  async #write(batch: readonly Group[]): Promise<void> {
    const backoff = new Backoff();
    for (;;) {
      let groups = batch.filter((g) => g.wanted());
      try {
        const connection = groups.length > 0 ? await this.#open() : undefined;
        // Opening takes time: a run that is void by now, of a superseded id perhaps, must not write under the new one's lock.
        groups = groups.filter((g) => g.wanted());
        const inserted = connection !== undefined && groups.length > 0 ? await this.#send(connection, groups) : [];
        this.counters.batches++;
        this.counters.groups += groups.length;
        for (const group of groups) group.durable(inserted);
        for (const group of batch) if (!groups.includes(group)) group.failed(new LostRow('its run is void'));
        return;
      } catch (error) {
        if (this.#closed) return batch.forEach((g) => g.failed(error));
        const kind = classify(error, { engine: true });
        if (kind === 'fenced') {
          this.#owner.fenced();
          return batch.forEach((g) => g.failed(new LostRow('the executor was fenced')));
        }
        if (batch.length > 1 && (kind === 'timeout' || !isInfrastructure(error, { engine: true }))) return this.#split(batch);
        if (!isInfrastructure(error, { engine: true })) return this.#refused(batch[0] as Group, kind, error);
        try {
          await this.#discard();
        } catch (closed) {
          return batch.forEach((g) => g.failed(closed));
        }
        await backoff.wait();
      }
    }
  }

  async #split(batch: readonly Group[]): Promise<void> {
    this.counters.splits++;
    for (const group of batch) await this.#write([group]);
  }

  async #refused(group: Group, kind: string, error: unknown): Promise<void> {
    if (kind !== 'unique' && kind !== 'void') return group.failed(error);
    // A conflicting row that carries my executor and epoch is my own earlier attempt, whose answer was lost (DESIGN 4.5).
    const mine = await this.#owner.store.untilAnswered((s) => s.isOwnEarlierAttempt(group.cargo));
    if (mine) group.durable(undefined);
    else group.failed(new LostRow('a row of the run belongs to another one', { cause: error }));
  }

  async #send(connection: Connection, groups: readonly Group[]): Promise<readonly string[]> {
    const cargo = groups.length === 1 ? (groups[0] as Group).cargo : merge(groups);
    const results = await connection.fly(this.#owner.store.cargo(cargo, this.#owner.offsetMs(), this.#owner.executorId), { deadlineMs });
    return cargo.foreign.length > 0 ? (results.at(-1)?.rows ?? []).map((row) => String(row['workflow_id'])) : [];
  }

  /** One that was opened before the executor registered (anew) holds no lock of it. */
  async #open(): Promise<Connection> {
    await this.#owner.registering;
    await this.#discard();
    if (this.#connection?.isCurrent() === false) {
      this.#connection.destroy();
      this.#connection = undefined;
    }
    return (this.#connection ??= await this.#owner.store.connections.dedicated('journal'));
  }

  /** After a lost connection its backend may still hold the rows' keys, or still commit: it has to be gone before anything is sent again. */
  async #discard(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    if (!connection.lost) return;
    this.#connection = undefined;
    connection.destroy();
    await this.#owner.store.endBackend(connection.pid);
  }
}

function merge(groups: readonly Group[]): Group['cargo'] {
  const out = emptyCargo();
  for (const { cargo } of groups) {
    for (const row of cargo.starts) out.starts.push(row);
    for (const row of cargo.records) out.records.push(row);
    for (const row of cargo.outcomes) out.outcomes.push(row);
    for (const row of cargo.parks) out.parks.push(row);
    for (const row of cargo.foreign) out.foreign.push(row);
  }
  return out;
}
