import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from './free-port.js';
import { processAlive } from './sigstop.js';
import { until } from './until.js';

const run = promisify(execFile);
const debian = '/usr/lib/postgresql/15/bin';

export interface Postgres15Options {
  /** Folder of the server's programs. Default: where Debian's package has them. */
  readonly bin?: string;
  /** Lines of postgresql.conf. Connections: loopback only, trusted. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** Extra arguments of initdb, e.g. `--wal-segsize=1`. */
  readonly initdb?: readonly string[];
  /** Folder of the data, which does not exist yet. Default: in the cluster's own folder. */
  readonly data?: string;
  /** More of its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Folder in which the cluster's own folder is made. Default: the system's temporary folder. It must be open to an ordinary user. */
  readonly parent?: string;
}

/** Why no such server can be had here, for `this.skip()`; undefined if it can. */
export function postgres15Missing(bin: string = debian): string | undefined {
  const absent = ['initdb', 'postgres'].filter((program) => !existsSync(join(bin, program)));
  return absent.length === 0 ? undefined : `no PostgreSQL 15 here: ${absent.join(' and ')} not found (Debian's package postgresql-15 has them)`;
}

/**
 * A throw-away PostgreSQL of its own for faults that take the whole server: settings, immediate stops, restarts. It runs as an ordinary user
 * (as root it would refuse), and ends with the process that started it, also when that is killed.
 */
export class Postgres15 {
  readonly host = '127.0.0.1';
  readonly user = 'postgres';
  readonly dataDirectory: string;
  readonly #bin: string;
  readonly #owner: { uid: number; gid: number } | undefined;
  readonly #folder: string;
  readonly #settings: Map<string, string | number | boolean>;
  readonly #env: Readonly<Record<string, string>>;
  #port = 0;
  #keeper: { readonly process: ChildProcess; readonly closed: Promise<void> } | undefined;
  #pid = 0;

  private constructor(folder: string, bin: string, owner: { uid: number; gid: number } | undefined, options: Postgres15Options) {
    this.#folder = folder;
    this.dataDirectory = options.data ?? join(folder, 'data');
    this.#bin = bin;
    this.#owner = owner;
    this.#env = options.env ?? {};
    this.#settings = new Map(Object.entries({ max_connections: 100, shared_buffers: '32MB', log_min_messages: 'warning', ...options.settings }));
  }

  /** @throws Error with the server's log if it does not start */
  static async create(options: Postgres15Options = {}): Promise<Postgres15> {
    const bin = options.bin ?? debian;
    const missing = postgres15Missing(bin);
    if (missing !== undefined) throw new Error(missing);
    const owner = process.getuid?.() === 0 ? ordinaryUser() : undefined;
    const folder = mkdtempSync(join(options.parent ?? tmpdir(), 'postgres15-'));
    const cluster = new Postgres15(folder, bin, owner, options);
    if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
    try {
      const args = ['-D', cluster.dataDirectory, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync', ...(options.initdb ?? [])];
      await run(join(bin, 'initdb'), args, { cwd: folder, ...owner });
      await cluster.start();
    } catch (error) {
      await cluster.remove();
      throw error;
    }
    return cluster;
  }

  /** The same through all restarts. */
  get port(): number {
    return this.#port;
  }

  /** The postmaster's. */
  get pid(): number {
    return this.#pid;
  }

  /** All that the server wrote to its log. */
  get log(): string {
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8') : '';
  }

  get #logFile(): string {
    return join(this.#folder, 'log');
  }

  connectionString(database = 'postgres'): string {
    return `postgres://${this.user}@${this.host}:${this.#port}/${database}`;
  }

  /** Changes settings; they hold from the next start. */
  set(settings: NonNullable<Postgres15Options['settings']>): void {
    for (const [name, value] of Object.entries(settings)) this.#settings.set(name, value);
  }

  /** @throws Error with the server's log if it does not start */
  async start(): Promise<void> {
    if (this.#keeper !== undefined) return;
    // another process may take the port between our look and the server's; later it must be the same one
    for (let attempt = this.#port === 0 ? 5 : 1; attempt > 0; attempt--) {
      const port = this.#port || (await freePort());
      if (await this.#launch(port)) {
        this.#port = port;
        return;
      }
    }
    throw new Error(`PostgreSQL did not start:\n${this.log.slice(-4000)}`);
  }

  /** Stops it in good order; clients are disconnected. */
  async stop(): Promise<void> {
    await this.#end('SIGINT');
  }

  /** Stops it as a crash would (immediate): no checkpoint, the next start recovers from the log. */
  async crash(): Promise<void> {
    await this.#end('SIGQUIT');
  }

  /** Stops it and removes its data. */
  async remove(): Promise<void> {
    await this.#end('SIGQUIT');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }

  async #launch(port: number): Promise<boolean> {
    const settings = new Map([...this.#settings, ['listen_addresses', this.host], ['port', port], ['unix_socket_directories', '']]);
    const command = [join(this.#bin, 'postgres'), '-D', this.dataDirectory, ...[...settings].flatMap(([name, value]) => ['-c', `${name}=${value}`])];
    // The shell waits for the end of its input, which is the end of this process, and then stops the server: SIGKILL of a test leaves none behind.
    const keep = '"$@" </dev/null & server=$!; echo "$server" >&3; exec 3>&-; read -r _; kill -QUIT "$server" 2>/dev/null; wait "$server"';
    // A file: a pipe that a busy parent does not read would stop the server.
    const log = openSync(this.#logFile, 'a');
    const keeper = spawn('/bin/sh', ['-c', keep, 'sh', ...command], {
      cwd: this.#folder,
      stdio: ['pipe', log, log, 'pipe'],
      env: { ...process.env, ...this.#env },
      ...this.#owner,
    });
    closeSync(log);
    keeper.stdin?.on('error', () => undefined);
    this.#keeper = { process: keeper, closed: new Promise((resolve) => keeper.once('close', () => resolve())) };
    this.#pid = await new Promise<number>((resolve, reject) => {
      keeper.once('error', reject);
      keeper.stdio[3]?.once('data', (text: Buffer) => resolve(Number(text)));
    });
    const up = await until('PostgreSQL answers', async () => (!processAlive(this.#pid) ? 'ended' : (await this.#answers(port)) && 'up'));
    if (up === 'up') return true;
    await this.#end('SIGQUIT');
    return false;
  }

  async #answers(port: number): Promise<boolean> {
    const client = new pg.Client({ host: this.host, port, user: this.user, database: 'postgres' });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rows } = await client.query<{ folder: string }>(`select current_setting('data_directory') as folder`);
      // another server may have got the port first
      return rows[0]?.folder === this.dataDirectory;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async #end(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const keeper = this.#keeper;
    if (keeper === undefined) return;
    this.#keeper = undefined;
    if (processAlive(this.#pid)) process.kill(this.#pid, signal);
    await until('PostgreSQL has stopped', () => !processAlive(this.#pid));
    keeper.process.stdin?.end();
    await keeper.closed;
  }
}

/** PostgreSQL refuses to run as root. */
function ordinaryUser(): { uid: number; gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const found = users.find((fields) => fields[0] === name);
    if (found !== undefined) return { uid: Number(found[2]), gid: Number(found[3]) };
  }
  return { uid: 65534, gid: 65534 };
}
