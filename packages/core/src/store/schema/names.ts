/** Quoted names of the engine's tables in the schema of an app. Every identifier is quoted, so any schema name is possible. */
export interface Names {
  readonly schema: string;
  readonly workflow: string;
  /** The table of records. */
  readonly record: string;
  /** All records, those that a workflow's own row carries too. */
  readonly history: string;
  readonly executor: string;
  readonly version: string;
  readonly refuse: string;
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function namesOf(schema: string): Names {
  const quoted = quoteIdentifier(schema);
  return {
    schema: quoted,
    workflow: `${quoted}.workflow_status`,
    record: `${quoted}.function_record`,
    history: `${quoted}.function_status`,
    executor: `${quoted}.executor`,
    version: `${quoted}.schema_version`,
    refuse: `${quoted}.refuse`,
  };
}
