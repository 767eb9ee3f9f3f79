import type { ClientConfig } from 'pg';
import { TrackedStatements } from './prepared-names.js';
import { ServerConnection } from './server-connection.js';

interface Waiter {
  readonly take: (server: ServerConnection) => void;
  readonly failed: (error: unknown) => void;
}

/** Server connections of one user and database, shared by all their clients. */
export class Pool {
  readonly statements = new TrackedStatements();
  readonly #config: ClientConfig;
  readonly #size: number;
  readonly #servers = new Set<ServerConnection>();
  readonly #idle: ServerConnection[] = [];
  readonly #waiting: Waiter[] = [];
  #opening = 0;
  #paused = false;
  #stopped = false;
  #assignments = 0;

  constructor(config: ClientConfig, size: number) {
    this.#config = config;
    this.#size = size;
  }

  get servers(): readonly ServerConnection[] {
    return [...this.#servers];
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** How often a server connection was bound to a client. */
  get assignments(): number {
    return this.#assignments;
  }

  /** Calls back with a connection, in the order of asking; the function given takes the wish back. */
  acquire(take: Waiter['take'], failed: Waiter['failed']): () => void {
    const waiter: Waiter = { take, failed };
    this.#waiting.push(waiter);
    this.#serve();
    return () => {
      const at = this.#waiting.indexOf(waiter);
      if (at >= 0) this.#waiting.splice(at, 1);
    };
  }

  release(server: ServerConnection): void {
    if (server.retired || this.#stopped) server.end();
    // the one used last is used next: the fewest connections serve, and clients meet each other's state soonest
    else if (this.#servers.has(server)) this.#idle.unshift(server);
    this.#serve();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#serve();
  }

  /** Every present connection is closed as soon as it is free. */
  retire(): void {
    for (const server of this.#servers) server.retired = true;
    for (const server of this.#idle.splice(0)) server.end();
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.length = 0;
    for (const server of this.#servers) {
      if (server.bound) server.destroy();
      else server.end();
    }
  }

  #serve(): void {
    while (!this.#paused && this.#waiting.length > 0) {
      const server = this.#idle.shift();
      if (server === undefined) break;
      this.#assignments++;
      this.#waiting.shift()?.take(server);
    }
    if (!this.#paused && this.#waiting.length > this.#opening && this.#servers.size + this.#opening < this.#size) this.#open();
  }

  #open(): void {
    this.#opening++;
    let server: ServerConnection | undefined;
    const lost = (): void => {
      if (server === undefined) return;
      this.#servers.delete(server);
      const at = this.#idle.indexOf(server);
      if (at >= 0) this.#idle.splice(at, 1);
      this.#serve();
    };
    ServerConnection.open(this.#config, lost).then(
      (opened) => {
        this.#opening--;
        server = opened;
        this.#servers.add(opened);
        if (this.#stopped) opened.end();
        else this.release(opened);
      },
      (error: unknown) => {
        this.#opening--;
        // clients that already have been served stay; who waits learns why
        if (this.#servers.size === 0) for (const waiter of this.#waiting.splice(0)) waiter.failed(error);
      },
    );
    this.#serve();
  }
}
