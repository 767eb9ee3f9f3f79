/** Decorated methods as ordinary code, without an app: for plain unit tests. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Knex } from 'knex';
import { Answer } from './store/connection/answer.js';
import type { Statement } from './store/connection/statement.js';

export interface Plain {
  /** For `db` and `sql`; without it they stay refused. */
  readonly knex: Knex | undefined;
}

export const plain = new AsyncLocalStorage<Plain>();
export const plainId = 'unmanaged';

interface Raw {
  query(text: string, values: unknown[]): Promise<{ command: string; rowCount: number | null; rows: Record<string, unknown>[] }>;
}
interface Client {
  acquireConnection(): Promise<Raw>;
  releaseConnection(connection: Raw): Promise<void>;
}

/** Sends statements one after the other on a connection of the user's Knex. */
export async function sendPlain(knex: Knex, statements: readonly Statement[]): Promise<Answer[]> {
  const client = knex.client as Client;
  const connection = await client.acquireConnection();
  try {
    const answers: Answer[] = [];
    for (const { text, values } of statements) {
      const { command, rowCount, rows } = await connection.query(text, [...(values ?? [])]);
      answers.push(Object.assign(new Answer(), { command, rowCount: rowCount ?? 0, rows }));
    }
    return answers;
  } finally {
    await client.releaseConnection(connection);
  }
}
