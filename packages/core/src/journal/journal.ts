/**
 * The one writer: it makes the buffers of all runs of a process durable, many in one commit. It flushes at once when idle and gathers
 * while busy. Its connection is its own. Of one workflow the order of pushing is the order of durability: batches go one after the other,
 * two at most on the way, of different workflows. A batch that fails is split into its groups, still in order, so that a poison row fails
 * alone (DESIGN 4.3).
 */
import { apiaryError } from '@apiary/decorators/internal';
import { classify, isInfrastructure } from '../store/connection/classify.js';
import type { Connection } from '../store/connection/connection.js';
import type { Statement } from '../store/connection/statement.js';
import type { Store } from '../store/store.js';
import { Backoff } from '../backoff.js';
import { emptyCargo } from '../executor/rows.js';
import { LostRow, shares, workflowsOf, type Group } from './group.js';
import { SetAside } from './set-aside.js';

const maxGroups = 500;
const maxBytes = 4 << 20;
/** Above this many unflushed bytes new steps wait. */
const bound = 64 << 20;
const deadlineMs = 30_000;
/** A batch behind another one has at least so many groups. */
const leastBehind = 16;
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

interface Batch {
  readonly groups: readonly Group[];
  /** Resolves when it is durable or has failed for good. */
  readonly done: Promise<void>;
}

export class Journal {
  readonly #owner: JournalOwner;
  #queue: Group[] = [];
  #bytes = 0;
  #connection: Connection | undefined;
  #scheduled = false;
  /** Sent and not answered: at most two. */
  readonly #air: Batch[] = [];
  /** One that was in the air has failed, and is written again, or in parts. */
  #inTrouble = false;
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

  /** At the end of the turn, so that all that comes in it goes together. */
  #schedule(): void {
    if (this.#air.length > 0) return void this.#pump();
    if (this.#scheduled) return;
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
    while (this.#air.length > 0 || this.#queue.length > 0 || this.#untold.length > 0) await new Promise<void>((resolve) => setImmediate(resolve));
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
    this.#pump();
  };

  /** Sends what may leave; says whether anything has. */
  #pump(): boolean {
    let sent = false;
    while (this.#mayLeave()) {
      const batch = this.#nextBatch();
      if (batch.length > 0) this.#launch(batch);
      else if (this.#air.length > 0) break;
      sent ||= batch.length > 0;
    }
    return sent;
  }

  /**
   * One batch may follow another one that is in the air: the server has it at hand when the first is durable. It has to be as large, else
   * batches would get smaller and smaller, and each commit costs the server what thirty rows do. Nothing follows one that has failed, or goes
   * through a pooler.
   */
  #mayLeave(): boolean {
    if (this.#queue.length === 0 || this.#closed) return false;
    const [first] = this.#air;
    if (first === undefined) return true;
    if (this.#air.length > 1 || this.#queue.length < Math.max(leastBehind, first.groups.length) || this.#inTrouble) return false;
    if (this.#connection?.busy !== true || this.#owner.store.connections.perTransactionFence) return false;
    return !this.#aside.isMarked(this.#queue[0] as Group);
  }

  #launch(groups: readonly Group[]): void {
    const done = this.#write(groups, this.#air[0]?.done).then(() => this.#landed(batch));
    const batch: Batch = { groups, done };
    this.#air.push(batch);
  }

  #landed(batch: Batch): void {
    this.#air.splice(this.#air.indexOf(batch), 1);
    if (this.#air.length === 0) this.#inTrouble = false;
    for (const group of batch.groups) this.#bytes -= group.bytes;
    if (this.#bytes <= bound && this.#waiting.length > 0) for (const resolve of this.#waiting.splice(0)) resolve();
    if (!this.#pump()) this.#tellInTurns();
  }

  /**
   * Runs that were made durable together go on together, and would make the next batch together: the server would be idle while they
   * compute, and they while it writes. So one half is told, what it sends leaves, and the other half is told meanwhile; from then on the
   * two take turns.
   */
  #tellInTurns(): void {
    if (this.#untold.length <= toldAtOnce || this.#queue.length > 0 || this.#air.length > 0) return this.#tell(this.#untold.length);
    this.#tell(Math.ceil(this.#untold.length / 2));
    setImmediate(this.#tellRest);
  }

  readonly #tellRest = (): void => {
    // What is sent now tells them once it is on its way.
    if (this.#air.length === 0 && !this.#pump()) this.#tell(this.#untold.length);
  };

  #tell(most: number): void {
    for (const { group, inserted } of this.#untold.splice(0, most)) group.durable(inserted);
  }

  #nextBatch(): Group[] {
    let bytes = 0;
    let alone = false;
    const [first] = this.#air;
    const ahead = first && workflowsOf(first.groups);
    return this.#take((taken, group) => {
      if (ahead !== undefined && shares(group, ahead)) return false;
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

  /**
   * Writes a batch, however often infrastructure fails; never throws. Behind another one it goes on the same connection or, if anything is
   * amiss, when that one is over.
   */
  async #write(batch: readonly Group[], before?: Promise<void>): Promise<void> {
    const backoff = new Backoff();
    let ahead = before;
    for (;;) {
      if (ahead !== undefined && !this.#isUsable(this.#connection)) {
        await ahead;
        ahead = undefined;
      }
      let groups = batch.filter((g) => g.wanted());
      try {
        const connection = groups.length > 0 ? await this.#open() : undefined;
        // Opening takes time: a run that is void by now, of a superseded id perhaps, must not write under the new one's lock.
        groups = groups.filter((g) => g.wanted());
        const inserted = connection !== undefined && groups.length > 0 ? await this.#send(connection, groups, ahead !== undefined) : [];
        this.counters.batches++;
        this.counters.groups += groups.length;
        for (const group of groups) this.#untold.push({ group, inserted });
        if (groups.length < batch.length) for (const group of batch) if (!groups.includes(group)) group.failed(new LostRow('its run is void'));
        return;
      } catch (error) {
        this.#inTrouble = true;
        await ahead;
        ahead = undefined;
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

  async #send(connection: Connection, groups: readonly Group[], behind: boolean): Promise<readonly string[]> {
    const cargo = groups.length === 1 ? (groups[0] as Group).cargo : merge(groups);
    const statements = this.#owner.store.cargo(cargo, this.#owner.offsetMs(), this.#owner.executorId);
    // A setting of the session would not stay with us behind a pooler, and would stay with others in a pool that we share.
    if (this.#owner.store.connections.perTransactionFence) statements.unshift(transactionLockTimeout);
    const answer = connection.fly(statements, { deadlineMs, behind });
    this.#tell(this.#untold.length);
    const results = await answer;
    return cargo.foreign.length > 0 ? (results.at(-1)?.rows ?? []).map((row) => String(row['workflow_id'])) : [];
  }

  #isUsable(connection: Connection | undefined): connection is Connection {
    return connection !== undefined && !connection.lost && connection.isCurrent() && this.#owner.registering === undefined;
  }

  /** One that was opened before the executor registered (anew) holds no lock of it. */
  async #open(): Promise<Connection> {
    const present = this.#connection;
    if (this.#isUsable(present)) return present;
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
