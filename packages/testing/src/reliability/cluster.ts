/** The world of one randomized run: a database with ledger and audit, executors behind proxies, a witness, the clients' journals. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createDatabase, type TestDatabase } from '../engine/database.js';
import { Child, type Exit } from '../faults/child.js';
import { installAudit } from '../faults/ledger/audit.js';
import { createLedger } from '../faults/ledger/ledger.js';
import { Postgres15, type Postgres15Options } from '../faults/postgres15.js';
import { SeededRandom } from '../faults/random.js';
import type { SmallDisk } from '../faults/small-disk.js';
import { TcpProxy } from '../faults/tcp/tcp-proxy.js';
import { until } from '../faults/until.js';
import { Witness } from '../faults/witness.js';
import { listTable } from './bank.js';
import type { Instruction, Orders } from './orders.js';

export const accounts = 12;
export const leaseMs = 1000;
export const pollMs = 100;

/** Settings of a server that may be crashed. */
export const durable = { fsync: 'on', max_connections: 200 };

export interface ClusterOptions {
  readonly seed: number;
  readonly executors: number;
  /** A server of its own, which may be crashed. */
  readonly ownServer?: Postgres15Options;
  /** What that server writes to, if it can be filled. */
  readonly disk?: SmallDisk;
  /** From which its clock reads by how much it is ahead, if it can be set. */
  readonly clockFile?: string;
  readonly orders?: Partial<Orders>;
  /** Faults of the proxy of each executor, from before it is launched. */
  readonly rules?: (member: Pick<Member, 'proxy'>) => void;
}

/** An executor process and the proxy it reaches the database through. */
export interface Member {
  readonly name: string;
  readonly child: Child;
  readonly proxy: TcpProxy;
  readonly version: string;
  /** In its process. */
  readonly clients: number;
  /** False once it was killed or told to end. */
  alive: boolean;
  /** By this run. */
  killed: boolean;
}

export class Cluster implements AsyncDisposable {
  readonly random: SeededRandom;
  readonly members: Member[] = [];
  readonly server: Postgres15 | undefined;
  /** How often each fault really happened. */
  readonly hits = new Map<string, number>();
  /** Milliseconds from a death to the last workflow of the dead having another owner. */
  readonly takeovers: number[] = [];
  /** Processes that ended by themselves, with what they said last. */
  readonly accidents: object[] = [];
  readonly disk: SmallDisk | undefined;
  readonly clockFile: string | undefined;
  readonly #folder: string;
  readonly #database: TestDatabase | undefined;
  readonly #connectionString: string;
  readonly #options: ClusterOptions;
  readonly witness: Witness;
  #spawned = 0;

  private constructor(options: ClusterOptions, folder: string, witness: Witness, database: TestDatabase | undefined, server: Postgres15 | undefined) {
    this.#options = options;
    this.random = new SeededRandom(options.seed);
    this.#folder = folder;
    this.witness = witness;
    this.#database = database;
    this.server = server;
    this.disk = options.disk;
    this.clockFile = options.clockFile;
    this.#connectionString = server?.connectionString() ?? database?.connectionString ?? '';
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const folder = mkdtempSync(join(tmpdir(), 'apiary-reliability-'));
    const server = options.ownServer === undefined ? undefined : await Postgres15.create(options.ownServer);
    const database = server === undefined ? await createDatabase() : undefined;
    const cluster = new Cluster(options, folder, await Witness.start({ file: join(folder, 'witness') }), database, server);
    try {
      await cluster.withAdmin(async (client) => (await createLedger(client, { accounts }), client.query(listTable)));
      const first = await cluster.spawn({ clients: 0 });
      await cluster.withAdmin((client) => installAudit(client, 'apiary'));
      for (let i = 1; i < options.executors; i++) await cluster.spawn();
      await cluster.end(first);
      await cluster.spawn();
      return cluster;
    } catch (error) {
      await cluster.remove();
      throw error;
    }
  }

  get alive(): Member[] {
    return this.members.filter((member) => member.alive);
  }

  hit(fault: string, times = 1): void {
    this.hits.set(fault, (this.hits.get(fault) ?? 0) + times);
  }

  /** A connection beside the executors' proxies. */
  async withAdmin<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    // whatever the experiment makes the default of a session, this one is patient
    const options = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'].map((name) => `-c ${name}=0`).join(' ');
    const client = new pg.Client({ connectionString: this.#connectionString, options });
    client.on('error', () => {});
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end().catch(() => {});
    }
  }

  /** Another executor process; resolves when it is launched, if `ready` is not false. */
  async spawn(more: Partial<Orders> = {}, ready = true): Promise<Member> {
    const number = ++this.#spawned;
    const name = `s${this.#options.seed}e${number}`;
    const url = new URL(this.#connectionString);
    const proxy = await TcpProxy.start({ target: { host: url.hostname, port: Number(url.port) }, seed: this.#options.seed * 1000 + number });
    this.#options.rules?.({ proxy });
    const orders: Orders = {
      ...{
        name,
        database: proxy.connectionString(this.#connectionString),
        journal: join(this.#folder, `${name}.journal`),
        seed: this.#options.seed * 977 + number,
      },
      ...{ accounts, leaseMs, pollMs, clients: 4, thinkMs: 100, ...this.#options.orders, ...more },
    };
    const child = await Child.spawn(new URL('executor.js', import.meta.url), {
      env: { APIARY_ORDERS: JSON.stringify(orders), APIARY_WITNESS: this.witness.url },
    });
    const member: Member = { name, child, proxy, version: orders.version ?? 'v1', clients: orders.clients, alive: true, killed: false };
    this.members.push(member);
    void child.exited.then(({ code, signal }) => {
      member.alive = false;
      if (!member.killed && code !== 0) this.accidents.push({ name, code, signal, stderr: child.stderr.slice(-2000) });
    });
    if (ready) await child.ready;
    return member;
  }

  /** SIGKILL. */
  async kill(member: Member): Promise<Exit> {
    member.alive = false;
    member.killed = true;
    const exit = await member.child.kill('SIGKILL');
    await member.proxy.stop();
    return exit;
  }

  tell(member: Member, instruction: Instruction): void {
    member.child.send(instruction);
  }

  /** Lets it end what its clients began, and shut down. */
  async end(member: Member): Promise<void> {
    this.tell(member, { kind: 'end' });
    await member.child.exited;
    member.alive = false;
    await member.proxy.stop();
  }

  async unended(): Promise<number> {
    return this.withAdmin(async (client) => {
      const { rows } = await client.query<{ n: number }>(
        `select count(*)::int as n from apiary.workflow_status where status not in ('SUCCESS', 'ERROR', 'CANCELLED', 'DEAD')`,
      );
      return rows[0]?.n ?? -1;
    });
  }

  /** Until everything that was begun has ended; gives how many milliseconds that took. */
  async quiesce(withinMs: number): Promise<number> {
    for (const member of this.alive) this.tell(member, { kind: 'stop loading' });
    const since = performance.now();
    await until('every workflow has ended', async () => (await this.unended()) === 0, { within: withinMs, every: 100 });
    return performance.now() - since;
  }

  get journals(): string[] {
    return readdirSync(this.#folder)
      .filter((name) => name.endsWith('.journal'))
      .map((name) => join(this.#folder, name));
  }

  async remove(): Promise<void> {
    for (const member of this.members) member.killed = true;
    await Promise.all(this.members.map(({ child }) => child.kill('SIGKILL')));
    await Promise.all(this.members.map(({ proxy }) => proxy.stop()));
    await this.witness.stop();
    await this.#database?.drop();
    await this.server?.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }
}
