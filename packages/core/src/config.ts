/** The config of an app, checked and resolved once. The only file that reads the environment. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { raise, type ConcreteType, type Duration, type Isolation, type Provided, type RetryPolicy, type Token, type Type } from '@apiary/decorators/internal';
import type { Knex } from 'knex';
import { booleanOf, durationOf, integerOf, listOf, noUnknownKeys, objectOf, oneOf, show, textOf } from './config-checks.js';
import { resolveDatabase, type ResolvedDatabase } from './config-database.js';
import { isLogger, type LogOptions, type Logger } from './log.js';
import { resolveRetry, type ResolvedRetry } from './retry.js';

export type { ResolvedDatabase } from './config-database.js';

/** Unknown keys and bad values: CONFIG, naming the path. `undefined` counts as absent everywhere. */
export interface Config<P extends readonly unknown[] = readonly unknown[]> {
  /** Classes with functions; what they need by constructor is found from them. An abstract parameter type is met by the one service that extends it. */
  services: readonly ConcreteType[];
  /** Values for keys: `[[Stripe, stripe], [API_KEY, 'sk_...']]`. The caller keeps and disposes them. */
  provide?: Provided<P> | undefined;
  /** For logs, spans and lists. Default: the name in package.json. */
  name?: string | undefined;
  /** Only executors of one version recover each other's work. Default: a hash of the registered functions. */
  version?: string | undefined;

  /** Connection string, Knex config or your own Knex (not destroyed). Default: DATABASE_URL, else the embedded server in `.apiary/`. */
  database?: string | Knex.Config | Knex | undefined;
  /** Your tables, before any workflow runs, under a lock, in each launch: a folder for Knex or a function. Default none. */
  migrations?: Knex.MigratorConfig | ((knex: Knex) => Promise<unknown>) | undefined;
  /** Data of the embedded server. Default '.apiary'. */
  dataDirectory?: string | undefined;
  /** Schema of Apiary's tables, at most 48 bytes. Default 'apiary'. */
  schema?: string | undefined;
  /** 'verify' refuses to launch instead of migrating Apiary's own tables. Default 'apply'. */
  schemaMigration?: 'apply' | 'verify' | undefined;
  /** Connections for user code (not with your own Knex) and for the engine. Defaults 10 and 4. */
  pool?: { size?: number | undefined; systemSize?: number | undefined } | undefined;
  /** Wake-ups by LISTEN/NOTIFY; polling goes on without. Default true. */
  notify?: boolean | undefined;

  /** Defaults for functions that do not say otherwise. */
  isolation?: Isolation | undefined;
  retry?: RetryPolicy | undefined;
  /** Work of an executor not renewed for `lease` is taken over within lease + poll. Defaults 10 seconds, 1 second. */
  lease?: Duration | undefined;
  poll?: Duration | undefined;
  /** How long a communicator's record, or the row of a direct call that only read, waits for company. Default 10 ms. */
  linger?: Duration | undefined;
  /** Bytes of one encoded value: refused above `payload` (4 MiB), logged above `payloadWarning` (256 KiB). */
  limits?: { payload?: number | undefined; payloadWarning?: number | undefined } | undefined;
  /** Clock, random, fetch, timers and database in workflow bodies. Default 'error', with NODE_ENV=production 'off'. */
  determinism?: 'error' | 'warn' | 'off' | undefined;

  /** Winston underneath, or your own logger. Defaults: 'info'; pretty on a terminal, else JSON. */
  log?: LogOptions | Logger | undefined;
  /** Signals that start `shutdown()`. Default none: the process is yours. */
  shutdownOn?: readonly ('SIGINT' | 'SIGTERM')[] | undefined;
}

/** A config with all its values; durations in milliseconds. */
export interface ResolvedConfig {
  readonly services: readonly ConcreteType[];
  readonly provide: readonly (readonly [Type | Token<unknown>, unknown])[];
  readonly name: string;
  /** Undefined: a hash of the registered functions. */
  readonly version: string | undefined;
  readonly database: ResolvedDatabase;
  readonly migrations: Config['migrations'];
  readonly dataDirectory: string;
  readonly schema: string;
  readonly schemaMigration: 'apply' | 'verify';
  readonly pool: { readonly size: number; readonly systemSize: number };
  readonly notify: boolean;
  readonly isolation: Isolation;
  readonly retry: ResolvedRetry;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly lingerMs: number;
  readonly limits: { readonly payload: number; readonly payloadWarning: number };
  readonly determinism: 'error' | 'warn' | 'off';
  readonly log: LogOptions | Logger;
  readonly shutdownOn: readonly ('SIGINT' | 'SIGTERM')[];
}

const keys = [
  'services',
  'provide',
  'name',
  'version',
  'database',
  'migrations',
  'dataDirectory',
  'schema',
  'schemaMigration',
  'pool',
  'notify',
  'isolation',
  'retry',
  'lease',
  'poll',
  'linger',
  'limits',
  'determinism',
  'log',
  'shutdownOn',
] as const satisfies readonly (keyof Config)[];

const second = 1000;
const day = 86_400 * second;
const kibi = 1024;
const mebi = 1024 * kibi;

/** @throws CONFIG with the dotted path of the first problem: `pool.size` */
export function resolveConfig(config: Config): ResolvedConfig {
  const given = objectOf(config, 'config');
  noUnknownKeys(given, keys, '');
  return {
    services: services(given['services']),
    provide: provided(given['provide']),
    name: textOf(given['name'], 'name', 200) ?? packageName(process.cwd()) ?? 'apiary',
    version: textOf(given['version'], 'version', 200),
    database: resolveDatabase(given['database'], process.env['DATABASE_URL']),
    migrations: migrations(given['migrations']),
    dataDirectory: textOf(given['dataDirectory'], 'dataDirectory', 4096) ?? '.apiary',
    schema: textOf(given['schema'], 'schema', 48) ?? 'apiary',
    schemaMigration: oneOf(given['schemaMigration'], 'schemaMigration', ['apply', 'verify']) ?? 'apply',
    pool: pool(given['pool']),
    notify: booleanOf(given['notify'], 'notify') ?? true,
    isolation: oneOf(given['isolation'], 'isolation', ['serializable', 'repeatable read', 'read committed']) ?? 'serializable',
    retry: resolveRetry(given['retry'] as RetryPolicy | undefined),
    ...rhythm(given),
    limits: limits(given['limits']),
    determinism: oneOf(given['determinism'], 'determinism', ['error', 'warn', 'off']) ?? (process.env['NODE_ENV'] === 'production' ? 'off' : 'error'),
    log: log(given['log']),
    shutdownOn: signals(given['shutdownOn']),
  };
}

function services(value: unknown): readonly ConcreteType[] {
  const list = listOf(value, 'services');
  if (list === undefined || list.length === 0) raise('CONFIG', { path: 'services', problem: 'name at least one class with decorated methods' });
  list.forEach((item, index) => {
    if (isClass(item)) return;
    const isInstance = typeof item === 'object' && item !== null;
    raise('CONFIG', { path: `services[${index}]`, problem: `${show(item)} is no class${isInstance ? ': give the class, the app constructs it' : ''}` });
  });
  return list as readonly ConcreteType[];
}

function isClass(value: unknown): boolean {
  return typeof value === 'function' && typeof value.prototype === 'object' && value.prototype !== null;
}

function provided(value: unknown): ResolvedConfig['provide'] {
  const list = listOf(value, 'provide') ?? [];
  list.forEach((pair, index) => {
    if (!Array.isArray(pair) || pair.length !== 2) raise('CONFIG', { path: `provide[${index}]`, problem: 'is no pair [key, value]' });
    const key: unknown = pair[0];
    const isToken = typeof key === 'object' && key !== null && typeof (key as { name?: unknown }).name === 'string';
    if (!isToken && !isClass(key)) raise('CONFIG', { path: `provide[${index}][0]`, problem: `${show(key)} is neither a class nor a token` });
  });
  return list as ResolvedConfig['provide'];
}

function migrations(value: unknown): Config['migrations'] {
  if (value === undefined || typeof value === 'function') return value as Config['migrations'];
  return objectOf(value, 'migrations') as Knex.MigratorConfig;
}

function pool(value: unknown): ResolvedConfig['pool'] {
  const given = objectOf(value ?? {}, 'pool');
  noUnknownKeys(given, ['size', 'systemSize'], 'pool.');
  return { size: integerOf(given['size'], 'pool.size', 1, 10_000) ?? 10, systemSize: integerOf(given['systemSize'], 'pool.systemSize', 1, 1000) ?? 4 };
}

function rhythm(given: Readonly<Record<string, unknown>>): Pick<ResolvedConfig, 'leaseMs' | 'pollMs' | 'lingerMs'> {
  const leaseMs = durationOf(given['lease'], 'lease', 10, day) ?? 10 * second;
  const pollMs = durationOf(given['poll'], 'poll', 1, day) ?? second;
  if (leaseMs <= 2 * pollMs)
    raise('CONFIG', {
      path: 'lease',
      problem: `${leaseMs} ms is not above twice the poll of ${pollMs} ms: a renewal that comes late once would lose the lease`,
    });
  return { leaseMs, pollMs, lingerMs: durationOf(given['linger'], 'linger', 0, 10 * second) ?? 10 };
}

function limits(value: unknown): ResolvedConfig['limits'] {
  const given = objectOf(value ?? {}, 'limits');
  noUnknownKeys(given, ['payload', 'payloadWarning'], 'limits.');
  const payload = integerOf(given['payload'], 'limits.payload', kibi, 256 * mebi) ?? 4 * mebi;
  return { payload, payloadWarning: integerOf(given['payloadWarning'], 'limits.payloadWarning', 1, 256 * mebi) ?? Math.min(256 * kibi, payload) };
}

function log(value: unknown): LogOptions | Logger {
  if (isLogger(value)) return value;
  const given = objectOf(value ?? {}, 'log');
  noUnknownKeys(given, ['level', 'format'], 'log.');
  return {
    level: oneOf(given['level'], 'log.level', ['debug', 'info', 'warn', 'error', 'silent']),
    format: oneOf(given['format'], 'log.format', ['json', 'pretty']),
  };
}

function signals(value: unknown): ResolvedConfig['shutdownOn'] {
  const list = listOf(value, 'shutdownOn') ?? [];
  list.forEach((signal, index) => oneOf(signal ?? null, `shutdownOn[${index}]`, ['SIGINT', 'SIGTERM']));
  return [...new Set(list)] as ResolvedConfig['shutdownOn'];
}

/** The name in the nearest package.json that has one. */
function packageName(folder: string): string | undefined {
  const file = path.join(folder, 'package.json');
  if (existsSync(file)) {
    try {
      const { name } = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown };
      if (typeof name === 'string' && name !== '') return name.slice(0, 200);
    } catch {
      // Not ours to complain about.
    }
  }
  const parent = path.dirname(folder);
  return parent === folder ? undefined : packageName(parent);
}
