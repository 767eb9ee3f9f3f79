import { join } from './join.js';
import type { Place, Session } from './join.js';
import type { Wants } from './options.js';

/** A running embedded PostgreSQL, as this process sees it. */
export interface EmbeddedServer {
  /** A URL for any PostgreSQL client, with the password; the user is a superuser. */
  readonly connectionString: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The data folder of the project. */
  readonly dataDirectory: string;
  /** Leaves the server. The last process that uses it stops it, and then this resolves when it is stopped. */
  stop(): Promise<void>;
}

const MOST_REJOINS = 5;
const REJOIN_WINDOW_MS = 60_000;

/** One use of the server: an open socket to its supervisor. */
export class EmbeddedClient implements EmbeddedServer {
  readonly #place: Place;
  readonly #wants: Wants;
  #session: Session;
  #watching: Promise<void>;
  #stopping: Promise<void> | undefined;
  #rejoins: number[] = [];

  constructor(place: Place, wants: Wants, session: Session) {
    this.#place = place;
    this.#wants = wants;
    this.#session = session;
    this.#watching = this.#watch();
  }

  get connectionString(): string {
    const { host, port, user, password, database } = this.#session.address;
    return `postgres://${user}:${password}@${host}:${port}/${database}`;
  }

  get host(): string {
    return this.#session.address.host;
  }

  get port(): number {
    return this.#session.address.port;
  }

  get user(): string {
    return this.#session.address.user;
  }

  get dataDirectory(): string {
    return this.#place.dataDirectory;
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#leave());
  }

  async #leave(): Promise<void> {
    const hold = setInterval(() => {}, 60_000); // the wire does not keep the process alive
    try {
      this.#session.wire.send({ type: 'leave' });
      await this.#watching;
    } finally {
      clearInterval(hold);
    }
  }

  /** A supervisor that was killed is replaced by whichever client is first; the server goes on meanwhile. */
  async #watch(): Promise<void> {
    for (;;) {
      const message = await this.#session.wire.next();
      if (message?.type === 'stopped' || message?.type === 'failed') return;
      if (message !== undefined) continue;
      if (this.#stopping || !this.#mayRejoin()) return;
      try {
        this.#session = await join(this.#place, this.#wants);
      } catch {
        return; // the server is gone for good, and the connections to it tell
      }
      if (this.#stopping) this.#session.wire.send({ type: 'leave' });
    }
  }

  #mayRejoin(): boolean {
    const now = performance.now();
    this.#rejoins = [...this.#rejoins.filter((at) => now - at < REJOIN_WINDOW_MS), now];
    return this.#rejoins.length <= MOST_REJOINS;
  }
}
