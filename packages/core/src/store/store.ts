/** The engine's statements behind method names; control flow elsewhere holds no SQL. */
import { raise } from '@apiary/decorators/internal';
import { Backoff } from '../backoff.js';
import type { Cargo, RecordRow, StartRow } from '../executor/rows.js';
import { isInfrastructure } from './connection/classify.js';
import type { Connection } from './connection/connection.js';
import type { Connections } from './connection/connections.js';
import type { Result, Statement } from './connection/statement.js';
import type { Names } from './schema/names.js';
import { cargoStatements, type CargoStatements } from './statements/cargo.js';
import { executors, fenceCheck } from './statements/executors.js';
import { manage } from './statements/manage.js';
import { reads, type StoredWorkflow } from './statements/read.js';

/** A read or update of the engine may take this long, then its connection is given up. */
const deadlineMs = 15_000;

export interface TakenWorkflow {
  readonly workflow: StoredWorkflow;
  readonly records: readonly RecordRow[];
}

export class Store {
  readonly connections: Connections;
  readonly names: Names;
  readonly #cargo: CargoStatements;
  readonly sql: ReturnType<typeof reads> & ReturnType<typeof manage> & ReturnType<typeof executors> & { fenceCheck: string };
  #closed = false;

  constructor(connections: Connections, names: Names) {
    this.connections = connections;
    this.names = names;
    this.#cargo = cargoStatements(names);
    this.sql = { ...reads(names), ...manage(names), ...executors(names), fenceCheck: fenceCheck(names) };
  }

  /** The statements that take a cargo to the database; behind a pooler the fence is checked first. */
  cargo(cargo: Cargo, offsetMs: number, executorId: string): Statement[] {
    const { perTransactionFence } = this.connections;
    const statements = this.#cargo(cargo, offsetMs, !perTransactionFence);
    return perTransactionFence ? [this.fence(executorId), ...statements] : statements;
  }

  /** What opens a transaction of a user's function; behind a pooler the fence is checked in it. */
  opening(begin: Statement, executorId: string): readonly Statement[] {
    return this.connections.perTransactionFence ? [begin, this.fence(executorId)] : [begin];
  }

  fence(executorId: string): Statement {
    return { name: 'apiary_fence', text: this.sql.fenceCheck, values: [executorId] };
  }

  /** One statement of the engine on a system connection. */
  async query<T = Record<string, unknown>>(name: keyof Store['sql'] & string, values: readonly unknown[]): Promise<Result<T>> {
    const text = this.sql[name];
    return this.connections.system(async (c) => (await c.fly([{ name: `apiary_${name}`, text, values }], { deadlineMs }))[0] as Result<T>);
  }

  /**
   * A statement that gives rows to an executor. It must not commit once that executor is fenced: else rows would carry an id that
   * nobody scans any more. The same transaction checks the fence and locks the executor's row, on direct connections too: one that was
   * opened after the executor registered anew holds another lock.
   * @throws what classifies as `fenced`
   */
  async owning<T = Record<string, unknown>>(name: keyof Store['sql'] & string, values: readonly unknown[], executorId: string): Promise<Result<T>> {
    const statement: Statement = { name: `apiary_${name}`, text: this.sql[name], values };
    return this.connections.system(async (c) => (await c.fly([this.fence(executorId), statement], { deadlineMs }))[1] as Result<T>);
  }

  /** Repeats a piece of work until the database has answered it; gives up only when the store is closed. For idempotent work. */
  async untilAnswered<T>(work: (store: Store) => Promise<T>): Promise<T> {
    const backoff = new Backoff();
    for (;;) {
      try {
        return await work(this);
      } catch (error) {
        if (this.#closed) raise('SHUTTING_DOWN', {}, { cause: error });
        if (!isInfrastructure(error, { engine: true })) throw error;
        await backoff.wait();
      }
    }
  }

  close(): void {
    this.#closed = true;
  }

  async workflows(ids: readonly string[]): Promise<StoredWorkflow[]> {
    return (await this.query<StoredWorkflow>('workflows', [ids])).rows;
  }

  async workflow(id: string): Promise<StoredWorkflow | undefined> {
    return (await this.workflows([id]))[0];
  }

  async records(ids: readonly string[]): Promise<RecordRow[]> {
    return ids.length === 0 ? [] : (await this.query<RecordRow>('records', [ids])).rows;
  }

  /** Workflows with their records, read in two statements. */
  async withRecords(workflows: readonly StoredWorkflow[]): Promise<TakenWorkflow[]> {
    const byId = new Map<string, RecordRow[]>(workflows.map((w) => [w.workflowId, []]));
    for (const record of await this.records([...byId.keys()])) byId.get(record.workflowId)?.push(record);
    return workflows.map((workflow) => ({ workflow, records: byId.get(workflow.workflowId) ?? [] }));
  }

  /** Whether a cargo that met a conflict is durable already: its rows carry its own executor and epoch. */
  async isOwnEarlierAttempt(cargo: Cargo): Promise<boolean> {
    const start = cargo.starts[0];
    if (start !== undefined) return this.#ownsRow(start);
    const record = cargo.records[0];
    if (record !== undefined) {
      const found = (await this.records([record.workflowId])).find((r) => r.stepId === record.stepId);
      return found !== undefined && found.executorId === record.executorId && found.epoch === record.epoch;
    }
    const outcome = cargo.outcomes[0];
    if (outcome === undefined) return false;
    const row = await this.workflow(outcome.workflowId);
    return (
      row !== undefined &&
      row.executorId === outcome.executorId &&
      row.epoch === outcome.epoch &&
      row.status === outcome.status &&
      row.output === outcome.output &&
      row.error === outcome.error
    );
  }

  async #ownsRow(start: StartRow): Promise<boolean> {
    const row = await this.workflow(start.workflowId);
    return (
      row !== undefined &&
      row.executorId === start.executorId &&
      row.epoch === start.epoch &&
      // one that is written with its outcome, as that of a @Procedure is, is not the one that was written without
      ((start.kind !== 'procedure' && start.outcome === null) || row.status !== 'PENDING')
    );
  }

  /**
   * Ends a backend whose connection was lost and waits until it is gone: before that its transaction may still commit, and its locks
   * are still held (DESIGN 4.6, last line).
   */
  async endBackend(pid: number): Promise<void> {
    await this.untilAnswered(async () => {
      const backoff = new Backoff();
      while (await this.connections.system((c) => terminate(c, pid))) await backoff.wait();
    });
  }
}

/** True while the backend is there. */
async function terminate(connection: Connection, pid: number): Promise<boolean> {
  const [result] = await connection.fly(
    [
      {
        name: 'apiary_terminate',
        text: `select pg_terminate_backend(pid) from pg_stat_activity
      where pid = $1 and pid <> pg_backend_pid() and usename = current_user and datname = current_database()`,
        values: [pid],
      },
    ],
    { deadlineMs },
  );
  return (result?.rowCount ?? 0) > 0;
}
