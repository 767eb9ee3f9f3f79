import { namesOf } from '@apiary/core/internal';
import pg from 'pg';

/** How many workflows have not come to their end. */
export async function countUnfinished(schema: string | undefined, database: string): Promise<number> {
  const client = new pg.Client({ connectionString: database });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { workflow } = namesOf(schema ?? 'apiary');
    const { rows } = await client.query<{ n: number }>(`select count(*)::int as n from ${workflow} where status in ('PENDING', 'ENQUEUED', 'DELAYED')`);
    return rows[0]?.n ?? 0;
  } finally {
    await client.end();
  }
}
