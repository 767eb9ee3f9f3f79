/** Throw-away databases on one server a process: DATABASE_URL, else the embedded one without fsync. */
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbedded } from '@apiary/embedded';
import pg from 'pg';

let server: Promise<string> | undefined;

/** Connection string of the server, as an account that may create databases. */
export function testServer(): Promise<string> {
  return (server ??= find());
}

async function find(): Promise<string> {
  const given = process.env['DATABASE_URL'];
  if (given !== undefined && given !== '') return given;
  const user = process.getuid?.() ?? 0;
  // One server for all test processes of this user on this machine; it ends with the last of them.
  return (await startEmbedded({ dataDirectory: join(tmpdir(), `apiary-tests-${user}`), durable: false, settings: { max_connections: '300' } }))
    .connectionString;
}

export interface TestDatabase {
  readonly connectionString: string;
  readonly name: string;
  drop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export function withDatabase(connectionString: string, database: string): string {
  const url = new URL(connectionString);
  url.pathname = `/${database}`;
  return url.href;
}

/** An empty database, dropped with everything that is connected to it. */
export async function createDatabase(template?: string): Promise<TestDatabase> {
  const base = await testServer();
  const name = `apiary_test_${randomBytes(6).toString('hex')}`;
  await asAdmin(base, `create database ${name}${template === undefined ? '' : ` template ${template}`}`);
  const drop = (): Promise<void> => asAdmin(base, `drop database if exists ${name} with (force)`);
  return { connectionString: withDatabase(base, name), name, drop, [Symbol.asyncDispose]: drop };
}

/** One statement on a connection of its own to the given server. */
export async function asAdmin(connectionString: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
