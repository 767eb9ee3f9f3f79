import pg from 'pg';

/** One statement on a connection of its own. */
export async function query(connectionString: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/** The value of one row and column. */
export async function value(connectionString: string, text: string): Promise<unknown> {
  return Object.values((await query(connectionString, text))[0] ?? {})[0];
}
