import { escapeIdentifier, escapeLiteral, type ClientBase } from 'pg';

/** Where the audit of an engine's schema is kept. */
export interface AuditNames {
  /** The engine's tables, quoted. */
  readonly workflow: string;
  /** All records. */
  readonly record: string;
  /** The table of those that are not in their workflow's own row: a communicator's always are. */
  readonly recordTable: string;
  /** Each insert and update of a workflow's row. */
  readonly statusAudit: string;
  /** When each record was inserted, by the database's clock. */
  readonly recordAudit: string;
}

export function auditNames(engineSchema: string, testSchema = 'bank'): AuditNames {
  const engine = escapeIdentifier(engineSchema);
  const own = escapeIdentifier(testSchema);
  return {
    workflow: `${engine}.workflow_status`,
    record: `${engine}.function_status`,
    recordTable: `${engine}.function_record`,
    statusAudit: `${own}.status_audit`,
    recordAudit: `${own}.record_audit`,
  };
}

/**
 * Triggers on the engine's tables that write down every change of a workflow's row, and every record, in tables of the test's schema. They
 * roll back with what they saw, so they hold what was committed. Made for tests: the engine needs no trigger.
 */
export async function installAudit(client: ClientBase, engineSchema: string, testSchema = 'bank'): Promise<AuditNames> {
  const names = auditNames(engineSchema, testSchema);
  const own = escapeIdentifier(testSchema);
  await client.query(`create schema if not exists ${own}`);
  await client.query(`create table if not exists ${names.statusAudit} (number bigint generated always as identity, workflow_id text not null, kind text,
    old_status text, new_status text not null, old_epoch integer, new_epoch integer not null, old_executor text, new_executor text,
    outcome_changed boolean not null, xid xid8 not null default pg_current_xact_id(), snapshot pg_snapshot not null default pg_current_snapshot(),
    at timestamptz not null default clock_timestamp())`);
  await client.query(`create index if not exists status_audit_of on ${names.statusAudit} (workflow_id)`);
  await client.query(`create table if not exists ${names.recordAudit} (workflow_id text not null, step_id text not null,
    xid xid8 not null default pg_current_xact_id(), at timestamptz not null default clock_timestamp())`);
  await client.query(`create index if not exists record_audit_of on ${names.recordAudit} (workflow_id, step_id)`);
  await client.query(`create or replace function ${own}.audit_status() returns trigger language plpgsql security definer as ${body(statusBody(names))}`);
  await client.query(`create or replace function ${own}.audit_record() returns trigger language plpgsql security definer as ${body(recordBody(names))}`);
  await client.query(
    `create or replace trigger apiary_test_audit after insert or update on ${names.workflow} for each row execute function ${own}.audit_status()`,
  );
  await client.query(`create or replace trigger apiary_test_audit after insert on ${names.recordTable} for each row execute function ${own}.audit_record()`);
  return names;
}

function statusBody(names: AuditNames): string {
  const columns = 'workflow_id, kind, old_status, new_status, old_epoch, new_epoch, old_executor, new_executor, outcome_changed';
  const insert = `insert into ${names.statusAudit} (${columns})`;
  // The column of the kind is read through JSON: the audit also serves tables without one.
  return `begin
    if tg_op = 'INSERT' then
      ${insert} values (new.workflow_id, to_jsonb(new) ->> 'kind', null, new.status, null, new.epoch, null, new.executor_id, false);
    else
      ${insert} values (new.workflow_id, to_jsonb(new) ->> 'kind', old.status, new.status, old.epoch, new.epoch, old.executor_id, new.executor_id,
        (old.output, old.error) is distinct from (new.output, new.error));
    end if;
    return null;
  end`;
}

function recordBody(names: AuditNames): string {
  return `begin
    insert into ${names.recordAudit} (workflow_id, step_id) values (new.workflow_id, new.step_id);
    return null;
  end`;
}

function body(text: string): string {
  return escapeLiteral(text);
}
