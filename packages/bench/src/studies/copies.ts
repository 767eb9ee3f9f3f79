import type pg from 'pg';

/** Columns that the server fills in by itself cannot be copied. */
async function columnsOf(client: pg.ClientBase, schema: string, table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select column_name as name from information_schema.columns
     where table_schema = $1 and table_name = $2 and is_identity = 'NO' and is_generated = 'NEVER' order by ordinal_position`,
    [schema, table],
  );
  return rows.map((row) => row.name);
}

/**
 * Makes many workflows out of one, by copying its row in a table under new ids.
 * @param changes SQL by column, in place of the copied value; `i` is the number of the copy.
 */
export async function copyRows(
  client: pg.ClientBase,
  [schema, table]: readonly [string, string],
  workflowId: string,
  [first, last]: readonly [number, number],
  changes: Readonly<Record<string, string>>,
  /** Where the row is read, if not in the table itself. */
  source = table,
): Promise<void> {
  const columns = await columnsOf(client, schema, table);
  const values = columns.map((column) => changes[column] ?? `w."${column}"`);
  await client.query(
    `insert into "${schema}"."${table}" (${columns.map((column) => `"${column}"`).join(', ')})
     select ${values.join(', ')} from "${schema}"."${source}" w, generate_series(${first}::int, ${last}::int) i where w.workflow_id = $1`,
    [workflowId],
  );
}
