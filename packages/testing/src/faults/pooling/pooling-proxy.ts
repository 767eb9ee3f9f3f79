import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import type { ClientConfig } from 'pg';
import { SeededRandom } from '../random.js';
import { until } from '../until.js';
import { int32 } from '../wire/message.js';
import { ClientSession, type SessionHost } from './client-session.js';
import { Pool } from './pool.js';

export interface PoolingProxyOptions {
  /** The server, with the password of every user that comes through the proxy. */
  readonly target: { readonly host: string; readonly port: number; readonly password?: string };
  /** Server connections for each pair of user and database. Default 3. */
  readonly size?: number;
  /** Rewrites the names of prepared statements for each server connection, as pgbouncer does since 1.21. Default false, as before. */
  readonly trackPrepared?: boolean;
  /** Startup parameters that are accepted without effect; others than the usual are refused, as there. */
  readonly ignoredParameters?: readonly string[];
  /** For the pids that clients are given. Default 1. */
  readonly seed?: number;
}

/**
 * A transaction pooler on loopback: what pgbouncer in transaction mode does to its clients. A server connection is a client's from the first
 * message of a transaction to its end; whatever else a session has (advisory locks, LISTEN, SET, temporary tables, prepared statements) stays
 * on that connection for the next client. The pid that clients are told is the proxy's own. It asks clients for no password.
 */
export class PoolingProxy {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly #options: PoolingProxyOptions;
  readonly #server: Server;
  readonly #random: SeededRandom;
  readonly #pools = new Map<string, Pool>();
  readonly #clients = new Set<ClientSession>();
  readonly #sessionHost: SessionHost;
  #paused = false;

  private constructor(options: PoolingProxyOptions, server: Server) {
    this.#options = options;
    this.#server = server;
    this.#random = new SeededRandom(options.seed ?? 1);
    this.port = (server.address() as AddressInfo).port;
    this.#sessionHost = {
      trackPrepared: options.trackPrepared ?? false,
      ignoredParameters: new Set(options.ignoredParameters ?? ['extra_float_digits']),
      pool: (user, database) => this.#pool(user, database),
      cancel: (pid, secret) => this.#cancel(pid, secret),
      closed: (session) => void this.#clients.delete(session),
    };
    server.on('connection', (socket) => this.#clients.add(new ClientSession(socket, this.#sessionHost, this.#identity())));
  }

  static async start(options: PoolingProxyOptions): Promise<PoolingProxy> {
    const server = createServer({ noDelay: true, keepAlive: true });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
    return new PoolingProxy(options, server);
  }

  /** The same URL with this proxy as its host. */
  connectionString(of: string): string {
    const url = new URL(of);
    url.hostname = this.host;
    url.port = String(this.port);
    return url.href;
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Pids of the server's backends. */
  get serverPids(): readonly number[] {
    return [...this.#pools.values()].flatMap((pool) => pool.servers.map((server) => server.pid));
  }

  /** Clients that wait for a server connection. */
  get waiting(): number {
    return [...this.#pools.values()].reduce((sum, pool) => sum + pool.waiting, 0);
  }

  /** How often a server connection was bound to a client. */
  get assignments(): number {
    return [...this.#pools.values()].reduce((sum, pool) => sum + pool.assignments, 0);
  }

  /** No new transaction gets a server connection; resolves when those under way are over. */
  async pause(): Promise<void> {
    this.#paused = true;
    for (const pool of this.#pools.values()) pool.pause();
    await until('every transaction through the pooler is over', () => [...this.#pools.values()].every((pool) => pool.servers.every((server) => !server.bound)));
  }

  resume(): void {
    this.#paused = false;
    for (const pool of this.#pools.values()) pool.resume();
  }

  /** Each server connection is closed once it is free, and replaced. */
  reconnect(): void {
    for (const pool of this.#pools.values()) pool.retire();
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const client of this.#clients) client.destroy();
    for (const pool of this.#pools.values()) pool.stop();
    await closed;
    await until('the pooler has closed its server connections', () => this.serverPids.length === 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #pool(user: string, database: string): Pool {
    const key = JSON.stringify([user, database]);
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      const { host, port, password } = this.#options.target;
      const config: ClientConfig = { host, port, user, database, ...(password === undefined ? {} : { password }) };
      this.#pools.set(key, (pool = new Pool(config, this.#options.size ?? 3)));
      if (this.#paused) pool.pause();
    }
    return pool;
  }

  /** Above every pid of the kernel, so that one is never taken for a backend's. */
  #identity(): { pid: number; secret: number } {
    return { pid: this.#random.int(0x40000000, 0x7fffffff), secret: this.#random.int(1, 0x7fffffff) };
  }

  #cancel(pid: number, secret: number): void {
    const session = [...this.#clients].find((client) => client.pid === pid && client.secret === secret);
    const server = session?.server;
    if (server === undefined) return;
    const { host, port } = this.#options.target;
    const socket = connect({ host, port });
    socket.on('error', () => undefined);
    socket.end(Buffer.concat([int32(16), int32(80877102), int32(server.pid), int32(server.secret)]));
  }
}
