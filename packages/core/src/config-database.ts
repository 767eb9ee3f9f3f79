/** Where the database is: a connection string, a Knex config, a Knex, or nowhere, which means the embedded server. */
import { raise } from '@apiary/decorators/internal';
import type { Knex } from 'knex';
import { objectOf, show } from './config-checks.js';

export type ResolvedDatabase =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'knexConfig'; readonly config: Knex.Config }
  | { readonly kind: 'knex'; readonly knex: Knex }
  | { readonly kind: 'embedded' };

const shape = 'postgres://user:password@host:5432/database, with special characters of user and password percent-encoded';

/** Error texts never hold the value: it may carry a password. */
export function resolveDatabase(value: unknown, environment: string | undefined): ResolvedDatabase {
  if (value === undefined) return environment === undefined || environment === '' ? { kind: 'embedded' } : url(environment, 'DATABASE_URL');
  if (typeof value === 'string') return url(value, 'database');
  if (typeof value === 'function') return instance(value as unknown as Knex);
  return knexConfig(objectOf(value, 'database'));
}

function url(text: string, path: string): ResolvedDatabase {
  if (!/^postgres(ql)?:\/\//.test(text)) raise('CONFIG', { path, problem: `is no connection string of PostgreSQL: expected ${shape}` });
  let parsed: URL;
  try {
    // An empty host after a user is right for a Unix socket, which URL does not know.
    parsed = new URL(text.replace('@/', '@socket/'));
    for (const part of [parsed.username, parsed.password, parsed.pathname]) decodeURIComponent(part);
  } catch {
    // Without the error itself as cause: it quotes the text.
    raise('CONFIG', { path, problem: `cannot be read: expected ${shape}` });
  }
  if (parsed.hash !== '') raise('CONFIG', { path, problem: `holds a #, which ends it: expected ${shape}` });
  return { kind: 'url', url: text };
}

function instance(knex: Knex): ResolvedDatabase {
  const { client } = knex as { client?: { dialect?: unknown } };
  if (typeof client !== 'object' || client === null) raise('CONFIG', { path: 'database', problem: `${show(knex)} is no Knex` });
  if (client.dialect !== 'postgresql') raise('CONFIG', { path: 'database', problem: "this Knex is not for PostgreSQL: make it with { client: 'pg' }" });
  if ((knex as { isTransaction?: boolean }).isTransaction === true)
    raise('CONFIG', { path: 'database', problem: 'is a transaction: give the Knex it came from' });
  return { kind: 'knex', knex };
}

function knexConfig(config: Readonly<Record<string, unknown>>): ResolvedDatabase {
  const { client, connection } = config;
  if (typeof client !== 'function' && client !== 'pg' && client !== 'postgres' && client !== 'postgresql') {
    raise('CONFIG', { path: 'database.client', problem: `${show(client)} is not 'pg'` });
  }
  if (typeof connection === 'string') url(connection, 'database.connection');
  else if (typeof connection !== 'function') objectOf(connection, 'database.connection');
  return { kind: 'knexConfig', config };
}
