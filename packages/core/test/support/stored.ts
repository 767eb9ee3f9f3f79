import type pg from 'pg';

/** All rows of the engine's tables of workflows, counted: what is refused leaves them as they were. */
export async function storedRows(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ n: string }>(
    'select (select count(*) from apiary.workflow_status) + (select count(*) from apiary.function_status) as n',
  );
  return Number(rows[0]?.n);
}

/** Schemas that are not the server's. */
export async function schemasOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select nspname as name from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'public') order by 1`,
  );
  return rows.map((row) => row.name);
}
