import type pg from 'pg';
import { ServerProcesses } from './processes.js';

/** What the server did during a counted run. Undefined: this server cannot tell. */
export interface ServerCounts {
  /** Commit records in the write-ahead log: commits that made something durable. */
  readonly commits: number | undefined;
  /** Bytes of log, without full-page images where the server can tell them apart. */
  readonly wal: number;
  readonly fullPageImages: number | undefined;
  /** By pg_stat_statements: a check on what was counted at the socket. */
  readonly statements: number | undefined;
  /** Rows added to `bench_ledger`. */
  readonly ledgerRows: number;
}

/** What one statement cost during a counted run, by pg_stat_statements. */
export interface StatementCost {
  readonly text: string;
  readonly calls: number;
  readonly rows: number;
  readonly milliseconds: number;
  readonly wal: number;
}

interface Mark {
  readonly lsn: string;
  readonly ledger: number;
}

/** Reads the server's counters. It has one connection, whose own statements are left out where that matters. */
export class ServerMeter {
  readonly #client: pg.ClientBase;
  readonly #processes: ServerProcesses | undefined;
  readonly #walInspect: boolean;
  readonly #statements: boolean;

  private constructor(client: pg.ClientBase, processes: ServerProcesses | undefined, walInspect: boolean, statements: boolean) {
    this.#client = client;
    this.#processes = processes;
    this.#walInspect = walInspect;
    this.#statements = statements;
  }

  static async create(client: pg.ClientBase): Promise<ServerMeter> {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const walInspect = await works(client, 'create extension if not exists pg_walinspect', "select 'pg_get_wal_stats'::regproc");
    const statements = await works(client, 'create extension if not exists pg_stat_statements', 'select pg_stat_statements_reset()');
    return new ServerMeter(client, ServerProcesses.find(rows[0]?.pid ?? 0), walInspect, statements);
  }

  /** Microseconds so far; undefined if the server runs elsewhere. */
  cpu(): number | undefined {
    return this.#processes?.cpu();
  }

  /** Dirty pages of the last run are written before the next one. */
  async settle(): Promise<void> {
    await this.#client.query('checkpoint').catch(() => undefined); // needs a role that may; without it the runs are only noisier
  }

  async mark(): Promise<Mark> {
    const { rows: ledger } = await this.#client.query<{ count: string }>('select count(*) from bench_ledger');
    if (this.#statements) await this.#client.query('select pg_stat_statements_reset()');
    const { rows } = await this.#client.query<{ lsn: string }>('select pg_current_wal_insert_lsn() as lsn');
    return { lsn: rows[0]?.lsn ?? '0/0', ledger: Number(ledger[0]?.count) };
  }

  async since(mark: Mark): Promise<ServerCounts> {
    const { rows: ends } = await this.#client.query<{ lsn: string; bytes: string }>(
      'select e as lsn, pg_wal_lsn_diff(e, $1)::text as bytes from pg_current_wal_insert_lsn() e',
      [mark.lsn],
    );
    const end = ends[0] ?? { lsn: mark.lsn, bytes: '0' };
    const statements = this.#statements ? (await this.statementCosts()).reduce((total, cost) => total + cost.calls, 0) : undefined;
    const log = this.#walInspect ? await this.#log(mark.lsn, end.lsn) : undefined;
    const { rows } = await this.#client.query<{ count: string }>('select count(*) from bench_ledger');
    return {
      commits: log?.commits,
      wal: log?.bytes ?? Number(end.bytes),
      fullPageImages: log?.images,
      statements,
      ledgerRows: Number(rows[0]?.count) - mark.ledger,
    };
  }

  /** Of all statements since the mark, those of other connections, the costliest first. */
  async statementCosts(): Promise<StatementCost[]> {
    if (!this.#statements) return [];
    const { rows } = await this.#client.query<{ text: string; calls: string; rows: string; milliseconds: number; wal: string }>(`
      select s.query as text, s.calls, s.rows, s.total_exec_time as milliseconds, s.wal_bytes as wal
      from pg_stat_statements s join pg_database d on d.oid = s.dbid
      where d.datname = current_database() and s.query !~ 'pg_stat_statements|pg_current_wal_insert_lsn' order by s.total_exec_time desc`);
    return rows.map((row) => ({ ...row, calls: Number(row.calls), rows: Number(row.rows), wal: Number(row.wal) }));
  }

  /** Records of checkpoints and of standby snapshots are the server's own and not counted. */
  async #log(from: string, to: string): Promise<{ commits: number; bytes: number; images: number }> {
    await this.#client.query("select pg_logical_emit_message(true, 'bench', '')"); // its commit flushes the log up to here: only then can it be read
    const { rows } = await this.#client.query<{ type: string; count: string; bytes: string; images: string }>(
      `select "resource_manager/record_type" as type, count, record_size::text as bytes, fpi_size::text as images
       from pg_get_wal_stats($1, $2, true) where "resource_manager/record_type" !~ '^(XLOG|Standby)'`,
      [from, to],
    );
    const total = (field: 'bytes' | 'images'): number => rows.reduce((sum, row) => sum + Number(row[field]), 0);
    const commits = rows.filter((row) => row.type.startsWith('Transaction/COMMIT')).reduce((sum, row) => sum + Number(row.count), 0);
    return { commits, bytes: total('bytes'), images: total('images') };
  }
}

async function works(client: pg.ClientBase, ...statements: string[]): Promise<boolean> {
  try {
    for (const statement of statements) await client.query(statement);
    return true;
  } catch {
    return false;
  }
}
