import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbedded, type EmbeddedServer } from '@apiary/embedded';
import pg from 'pg';

/** One real server for all tests of this process, a database for each that asks, and no connection left open. */
let server: EmbeddedServer | undefined;
let folder: string | undefined;
let databases = 0;
const open = new Set<pg.Client>();

before(async function () {
  this.timeout(120_000);
  folder = mkdtempSync(join(tmpdir(), 'apiary-faults-'));
  chmodSync(folder, 0o755);
  server = await startEmbedded({ dataDirectory: join(folder, 'data'), durable: false });
});

afterEach(async () => {
  for (const client of open) await client.end().catch(() => undefined);
  open.clear();
});

after(async function () {
  this.timeout(60_000);
  await server?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

export function serverUrl(): URL {
  if (server === undefined) throw new Error('the server is not up yet');
  return new URL(server.connectionString);
}

/** Host, port and password, as the proxies want them. */
export function target(): { host: string; port: number; password: string } {
  const url = serverUrl();
  return { host: url.hostname, port: Number(url.port), password: decodeURIComponent(url.password) };
}

/** The URL of an empty database. */
export async function freshDatabase(): Promise<string> {
  const name = `faults_${process.pid}_${++databases}`;
  const admin = await connect(serverUrl().href);
  await admin.query(`create database ${name}`);
  const url = serverUrl();
  url.pathname = `/${name}`;
  return url.href;
}

/** A client that the end of the test closes, and that takes a lost connection in silence. */
export async function connect(url: string, config: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, ...config });
  client.on('error', () => undefined);
  open.add(client);
  await client.connect();
  return client;
}

/** What pg keeps of its connection beyond its types. */
export function wire(client: pg.Client): { readonly processID: number; readonly secretKey: number; readonly connection: WireConnection } {
  return client as unknown as { processID: number; secretKey: number; connection: WireConnection };
}
export interface WireConnection {
  readonly stream: import('node:net').Socket;
  parse(query: { text: string; name?: string }): void;
  bind(config: { statement?: string; values?: readonly unknown[] }): void;
  execute(config: { portal?: string; rows?: number }): void;
  sync(): void;
}

/** The error that a promise ends with. */
export async function failure(of: Promise<unknown>): Promise<Error & { code?: string }> {
  return of.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as Error & { code?: string },
  );
}

/** True while the promise is open, also after what has already arrived was worked off. */
export async function pending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => void (settled = true);
  promise.then(settle, settle);
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  return !settled;
}
