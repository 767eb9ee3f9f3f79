import { escapeIdentifier, type ClientBase } from 'pg';

/** Names of the workload's tables, quoted. */
export interface LedgerNames {
  readonly schema: string;
  readonly account: string;
  readonly ledger: string;
}

export function ledgerNames(schema = 'bank'): LedgerNames {
  const quoted = escapeIdentifier(schema);
  return { schema: quoted, account: `${quoted}.account`, ledger: `${quoted}.ledger` };
}

export interface LedgerOptions {
  /** Default `bank`. */
  readonly schema?: string;
  /** Ids 1 to n. Default 10. */
  readonly accounts?: number;
  /** Of each account at first. Default 1000. */
  readonly balance?: number;
}

/** Statements that make the tables of the workload; also for an app's migrations. */
export function ledgerStatements(options: LedgerOptions = {}): readonly string[] {
  const names = ledgerNames(options.schema);
  const { accounts = 10, balance = 1000 } = options;
  return [
    `create schema if not exists ${names.schema}`,
    `create table ${names.account} (id integer primary key, balance bigint not null, initial bigint not null)`,
    // No unique key beyond the entry: an effect that happens twice must show itself, not be refused. The transaction's id tells which record,
    // and so which executor and epoch, it committed with: more than user code could write down itself.
    `create table ${names.ledger} (entry bigint generated always as identity, workflow_id text not null, step text not null,
      account integer not null, delta bigint not null, xid xid8 not null default pg_current_xact_id())`,
    `create index on ${names.ledger} (workflow_id)`,
    `insert into ${names.account} select id, ${Number(balance)}, ${Number(balance)} from generate_series(1, ${Number(accounts)}) id`,
  ];
}

export async function createLedger(client: ClientBase, options: LedgerOptions = {}): Promise<LedgerNames> {
  for (const text of ledgerStatements(options)) await client.query(text);
  return ledgerNames(options.schema);
}

/** The two statements of a posting, for `sql`, `db.raw` or `pg`. Values: account, delta; then workflow id, a step's label, account, delta. */
export function postingTexts(schema?: string): { readonly update: string; readonly insert: string } {
  const names = ledgerNames(schema);
  return {
    update: `update ${names.account} set balance = balance + $2 where id = $1`,
    insert: `insert into ${names.ledger} (workflow_id, step, account, delta) values ($1, $2, $3, $4)`,
  };
}
