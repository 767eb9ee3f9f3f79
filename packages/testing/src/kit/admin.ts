import pg from 'pg';

interface WithStream {
  readonly connection: { readonly stream: { ref(): void; unref(): void; destroy(): void } };
}

/** A connection for statements that go one after the other. The process may end while it is open, but not while somebody waits for an answer. */
export class Admin {
  readonly #client: pg.Client;
  #last: Promise<unknown>;
  #waiting = 0;

  constructor(connectionString: string) {
    this.#client = new pg.Client({ connectionString });
    this.#client.on('error', () => {});
    this.#last = this.#client.connect();
    this.#last.catch(() => {});
  }

  /** @param options.keepsAlive whether the process stays alive for the answer; default true */
  async use<T>(work: (client: pg.Client) => Promise<T>, options: { readonly keepsAlive?: boolean } = {}): Promise<T> {
    const counted = (options.keepsAlive ?? true) ? 1 : 0;
    this.#waiting += counted;
    this.#hold();
    const done = this.#last.then(() => work(this.#client));
    this.#last = done.catch(() => {});
    try {
      return await done;
    } finally {
      this.#waiting -= counted;
      this.#hold();
    }
  }

  send(statement: string, options?: { readonly keepsAlive?: boolean }): Promise<unknown> {
    return this.use((client) => client.query(statement), options);
  }

  close(): void {
    (this.#client as unknown as WithStream).connection.stream.destroy();
  }

  #hold(): void {
    const { stream } = (this.#client as unknown as WithStream).connection;
    if (this.#waiting > 0) stream.ref();
    else stream.unref();
  }
}
