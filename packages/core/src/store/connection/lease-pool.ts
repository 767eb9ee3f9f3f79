/**
 * Connections on loan from one Knex pool. A connection that comes back stays at hand until the end of this turn of the event loop: the next
 * transaction gets it without the way through Knex's pool, which costs more than the statements of a small one. Callers of Knex itself
 * that wait go first.
 */
import { setImmediate as afterTurn } from 'node:timers';
import type { Knex } from 'knex';
import { context } from '../../context.js';
import type { Connection, ConnectionKind } from './connection.js';
import { clientOf } from './database.js';
import { markDriverError } from './driver-error.js';
import type { RawClient } from './pg-internals.js';
import { Slots } from './slots.js';

export interface LeasePoolOptions {
  readonly knex: Knex;
  readonly kind: ConnectionKind;
  readonly size: number;
  /** Gives our object for a raw connection, and opens it if it is new. Undefined if it may not be used any more. */
  readonly adopt: (client: RawClient, kind: ConnectionKind) => Promise<Connection | undefined>;
}

/** A refusal of the engine; it must never become the outcome of a step. */
function refusal(error: unknown, signal: AbortSignal | undefined): unknown {
  return signal?.aborted === true ? error : markDriverError(error, 0, 'unavailable');
}

export class LeasePool {
  readonly slots: Slots;
  readonly #options: LeasePoolOptions;
  readonly #leased = new Set<Connection>();
  #atHand: Connection[] = [];
  #scheduled = false;

  constructor(options: LeasePoolOptions) {
    this.slots = new Slots(options.size);
    this.#options = options;
  }

  get leased(): number {
    return this.#leased.size;
  }

  /** A connection that is at hand, without a wait. Nobody's turn is skipped: who waits takes each one that comes back. */
  atHand(): Connection | undefined {
    if (this.#atHand.length === 0 || this.slots.free === 0) return undefined;
    const ready = this.#useful();
    if (ready === undefined) return undefined;
    void this.slots.take(); // one is free
    return this.#lend(ready, this.#options.kind, this.#backWithSlot);
  }

  #useful(): Connection | undefined {
    for (let ready = this.#atHand.pop(); ready !== undefined; ready = this.#atHand.pop()) {
      if (!ready.lost && ready.isCurrent()) return ready;
      this.#leave(ready);
    }
    return undefined;
  }

  /** Waits its turn. */
  async acquire(signal?: AbortSignal): Promise<Connection> {
    try {
      const waiting = this.slots.take(signal);
      if (waiting !== undefined) await waiting;
    } catch (error) {
      throw refusal(error, signal);
    }
    const ready = this.#useful();
    if (ready !== undefined) return this.#lend(ready, this.#options.kind, this.#backWithSlot);
    try {
      return this.#lend(await this.#fromKnex(this.#options.kind), this.#options.kind, this.#backWithSlot);
    } catch (error) {
      this.slots.give();
      throw error;
    }
  }

  /** Takes a connection past the slots, for an owner that keeps it. */
  async extra(kind: ConnectionKind): Promise<Connection> {
    return this.#lend(await this.#fromKnex(kind), kind, this.#back);
  }

  #lend(connection: Connection, kind: ConnectionKind, back: (connection: Connection) => void): Connection {
    this.#leased.add(connection);
    return connection.lend(kind, back);
  }

  async #fromKnex(kind: ConnectionKind): Promise<Connection> {
    try {
      for (;;) {
        // A new socket would else live in the async context of the run that happened to need it first, and keep that run in memory.
        const connection = await context.run(undefined as never, () => this.#next(kind));
        if (connection !== undefined) return connection;
      }
    } catch (error) {
      // Nothing of the caller's was sent, so nothing took effect, whatever the reason.
      throw markDriverError(error, 0, 'unavailable');
    }
  }

  async #next(kind: ConnectionKind): Promise<Connection | undefined> {
    const raw = (await clientOf(this.#options.knex).acquireConnection()) as RawClient;
    let connection: Connection | undefined;
    try {
      connection = await this.#options.adopt(raw, kind);
      return connection;
    } finally {
      if (connection === undefined) this.#drop(raw);
    }
  }

  /** Knex's pool throws it away when it meets it next. */
  #drop(raw: RawClient): void {
    raw.__knex__disposed ??= new Error('given up by Apiary');
    raw.connection?.stream.destroy();
    this.#toKnex(raw);
  }

  readonly #back = (connection: Connection): void => {
    this.#leased.delete(connection);
    this.#leave(connection);
  };

  readonly #backWithSlot = (connection: Connection): void => {
    this.#leased.delete(connection);
    if (connection.lost || this.#othersWait()) this.#leave(connection);
    else this.#keepAtHand(connection);
    this.slots.give();
  };

  #keepAtHand(connection: Connection): void {
    this.#atHand.push(connection);
    if (this.#scheduled) return;
    this.#scheduled = true;
    afterTurn(this.#clear);
  }

  readonly #clear = (): void => {
    this.#scheduled = false;
    for (const connection of this.#atHand.splice(0)) this.#leave(connection);
  };

  /** Callers of Knex know nothing of our slots. A pool that cannot tell whether there are any gets each connection back at once. */
  #othersWait(): boolean {
    const pool = clientOf(this.#options.knex).pool;
    return pool?.numPendingAcquires === undefined || pool.numPendingAcquires() > 0;
  }

  #leave(connection: Connection): void {
    connection.settleUp(() => this.#toKnex(connection.client));
  }

  #toKnex(client: RawClient): void {
    const knexClient = clientOf(this.#options.knex);
    // Without a pool Knex was destroyed already.
    if (knexClient.pool !== undefined) void knexClient.releaseConnection(client);
  }

  /** Ends what is still on loan and refuses everybody. */
  close(reason: () => Error): void {
    this.slots.close(reason);
    this.#clear();
    for (const connection of this.#leased) connection.destroy();
  }
}
