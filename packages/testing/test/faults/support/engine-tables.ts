import type { ClientBase } from 'pg';

/** The columns of the engine's tables that the invariants read, and a tiny engine that writes them as the real one does. */
export async function createEngineTables(client: ClientBase): Promise<void> {
  await client.query('drop schema if exists apiary cascade');
  await client.query('create schema apiary');
  await client.query(`create table apiary.workflow_status (workflow_id text primary key, name text not null, kind text not null, status text not null,
    output text, error text, executor_id text, epoch integer not null default 1, xid xid8 not null default pg_current_xact_id())`);
  await client.query(`create table apiary.function_record (workflow_id text not null, step_id text not null, name text not null, kind text not null,
    output text, error text, executor_id text not null, epoch integer not null, xid xid8 not null default pg_current_xact_id(), primary key (workflow_id, step_id))`);
  await client.query('create view apiary.function_status as select * from apiary.function_record');
}

export async function inTransaction(client: ClientBase, work: () => Promise<void>): Promise<void> {
  await client.query('begin');
  await work();
  await client.query('commit');
}

export class TinyEngine {
  readonly #client: ClientBase;
  constructor(client: ClientBase) {
    this.#client = client;
  }

  async start(id: string, fields: { name?: string; kind?: string; status?: string; epoch?: number; executor?: string | null } = {}): Promise<void> {
    const { name = 'Bank.transfer', kind = 'workflow', status = 'PENDING', epoch = 1, executor = 'e1' } = fields;
    await this.#client.query('insert into apiary.workflow_status (workflow_id, name, kind, status, epoch, executor_id) values ($1, $2, $3, $4, $5, $6)', [
      id,
      name,
      kind,
      status,
      epoch,
      executor,
    ]);
  }

  async record(id: string, step: string, fields: { name?: string; kind?: string; error?: string; epoch?: number } = {}): Promise<void> {
    const { name = 'Bank.post', kind = 'transaction', error = null, epoch = 1 } = fields;
    await this.#client.query(
      `insert into apiary.function_record (workflow_id, step_id, name, kind, error, executor_id, epoch) values ($1, $2, $3, $4, $5, 'e1', $6)`,
      [id, step, name, kind, error, epoch],
    );
  }

  async change(id: string, fields: Readonly<Record<string, unknown>>): Promise<void> {
    const names = Object.keys(fields);
    await this.#client.query(`update apiary.workflow_status set ${names.map((name, i) => `${name} = $${i + 2}`).join(', ')} where workflow_id = $1`, [
      id,
      ...Object.values(fields),
    ]);
  }
}
