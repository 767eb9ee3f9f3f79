/**
 * The one writer: it makes the buffers of all runs of a process durable, many in one commit. It flushes at once when idle and gathers
 * while busy. Its connection is its own. Batches are sent one after the other, so the order of pushing is the order of durability; a
 * batch that fails is split into its groups, still in order, so that a poison row fails alone (DESIGN 4.3).
 */
import { apiaryError } from '@apiary/decorators/internal';
import { classify, isInfrastructure } from '../store/connection/classify.js';
import type { Connection } from '../store/connection/connection.js';
import type { Statement } from '../store/connection/statement.js';
import type { Store } from '../store/store.js';
import { Backoff } from '../backoff.js';
import { emptyCargo } from '../executor/rows.js';
import { LostRow, type Group } from './group.js';
import { SetAside } from './set-aside.js';

const maxGroups = 500;
const maxBytes = 4 << 20;
/** Above this many unflushed bytes new steps wait. */
const bound = 64 << 20;
const deadlineMs = 30_000;
/** Of more groups than this half are told first that they are durable. */
const toldAtOnce = 32;
/** The one writer waits for no lock of others for long (DESIGN 4.3). */
const lockTimeout = '200ms';
const transactionLockTimeout: Statement = { name: 'apiary_lock_timeout', text: `select set_config('lock_timeout', '${lockTimeout}', true)` };

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
  /** Durable, and their runs do not know yet. */
  #untold: { readonly group: Group; readonly inserted: readonly string[] }[] = [];
  readonly #aside = new SetAside((group, behind) => this.#takeBack(group, behind));
  /** How many batches and groups became durable; for tests and gauges. */
  readonly counters = { batches: 0, groups: 0, splits: 0 };

  constructor(owner: JournalOwner) {
    this.#owner = owner;
  }

  /** Once it is closed, what comes late fails: a queue that nobody empties would be looked at for ever. */
  push(group: Group): void {
    if (this.#closed) return group.failed(apiaryError('SHUTTING_DOWN', {}));
    this.#queue.push(group);
    this.#bytes += group.bytes;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#busy || this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  #takeBack(group: Group, behind: readonly Group[]): void {
    this.#queue.unshift(group, ...behind);
    this.#schedule();
  }

  get hasRoom(): boolean {
    return this.#bytes <= bound;
  }

  /** Resolves when the unflushed bytes are under the bound; undefined when they are. */
  room(): Promise<void> | undefined {
    if (this.hasRoom) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves when nothing is queued or under way. */
  async idle(): Promise<void> {
    while (this.#busy || this.#queue.length > 0 || this.#untold.length > 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Drops what is queued (the runs are void) and the connection: the next batch opens another one. */
  async reset(): Promise<void> {
    this.#queue.unshift(...this.#aside.takeAll());
    for (const group of this.#take(() => true)) {
      this.#bytes -= group.bytes;
      group.failed(new LostRow('the executor was fenced'));
    }
    this.#connection?.destroy();
  }

  /** What is not durable by now will not be. */
  close(): void {
    this.#closed = true;
    this.#tell(this.#untold.length);
    for (const group of [...this.#aside.takeAll(), ...this.#queue.splice(0)]) group.failed(apiaryError('SHUTTING_DOWN', {}));
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    if (this.#busy) return;
    this.#busy = true;
    void this.#drain().finally(() => {
      this.#busy = false;
      if (this.#queue.length > 0) this.#schedule();
      this.#tellInTurns();
    });
  };

  /**
   * Runs that were made durable together go on together, and would make the next batch together: the server would be idle while they
   * compute, and they while it writes. So one half is told, what it sends leaves, and the other half is told meanwhile; from then on the
   * two take turns, since a batch that has gathered leaves before those of the last one are told.
   */
  #tellInTurns(): void {
    if (this.#untold.length <= toldAtOnce || this.#queue.length > 0) return this.#tell(this.#untold.length);
    this.#tell(Math.ceil(this.#untold.length / 2));
    setImmediate(this.#tellRest);
  }

  readonly #tellRest = (): void => {
    // What is sent now tells them once it is on its way.
    if (this.#busy) return;
    if (this.#queue.length > 0) this.#flush();
    else this.#tell(this.#untold.length);
  };

  #tell(most: number): void {
    for (const { group, inserted } of this.#untold.splice(0, most)) group.durable(inserted);
  }

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
    let alone = false;
    return this.#take((taken, group) => {
      bytes += group.bytes;
      if (taken === 0) {
        alone = this.#aside.isMarked(group);
        return true;
      }
      return !alone && !this.#aside.isMarked(group) && taken < maxGroups && bytes <= maxBytes;
    });
  }

  /** Takes groups from the front while the condition holds; those no longer wanted are dropped, those behind a lock wait there. */
  #take(more: (taken: number, group: Group) => boolean): Group[] {
    const out: Group[] = [];
    let end = 0;
    for (; end < this.#queue.length; end++) {
      const group = this.#queue[end] as Group;
      if (!more(out.length, group)) break;
      if (group.wanted()) {
        if (!this.#aside.keeps(group)) out.push(group);
      } else {
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
        for (const group of groups) this.#untold.push({ group, inserted });
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
        if (kind === 'timeout') return this.#setAside(batch[0] as Group);
        try {
          await this.#discard();
        } catch (closed) {
          return batch.forEach((g) => g.failed(closed));
        }
        await backoff.wait();
      }
    }
  }

  /** It stays unflushed; others need not wait for it. */
  #setAside(group: Group): void {
    this.#bytes += group.bytes;
    this.#aside.add(group);
  }

  async #split(batch: readonly Group[]): Promise<void> {
    this.counters.splits++;
    for (const group of batch) {
      if (this.#aside.keeps(group)) this.#bytes += group.bytes;
      else await this.#write([group]);
    }
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
    const statements = this.#owner.store.cargo(cargo, this.#owner.offsetMs(), this.#owner.executorId);
    // A setting of the session would not stay with us behind a pooler, and would stay with others in a pool that we share.
    if (this.#owner.store.connections.perTransactionFence) statements.unshift(transactionLockTimeout);
    const answer = connection.fly(statements, { deadlineMs });
    this.#tell(this.#untold.length);
    const results = await answer;
    return cargo.foreign.length > 0 ? (results.at(-1)?.rows ?? []).map((row) => String(row['workflow_id'])) : [];
  }

  /** One that was opened before the executor registered (anew) holds no lock of it. */
  async #open(): Promise<Connection> {
    const present = this.#connection;
    if (present !== undefined && !present.lost && present.isCurrent() && this.#owner.registering === undefined) return present;
    this.#tell(this.#untold.length); // it may take long
    await this.#owner.registering;
    await this.#discard();
    if (this.#connection?.isCurrent() === false) {
      this.#connection.destroy();
      this.#connection = undefined;
    }
    return (this.#connection ??= await this.#connect());
  }

  async #connect(): Promise<Connection> {
    const { connections } = this.#owner.store;
    const connection = await connections.dedicated('journal');
    if (connections.perTransactionFence) return connection;
    try {
      await connection.fly([{ text: `set lock_timeout = '${lockTimeout}'` }], { deadlineMs });
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
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
