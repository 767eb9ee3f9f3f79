import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { resolveConfig, type Config, type ResolvedConfig } from '@apiary/core/internal';
import { isApiaryError } from '@apiary/decorators/internal';
import { expect } from 'chai';
import knex from 'knex';

class Orders {}
const services = [Orders];

function problemOf(config: unknown): { path: string; problem: string } {
  try {
    resolveConfig(config as Config);
  } catch (error) {
    if (!isApiaryError(error, 'CONFIG')) throw error;
    return error.details;
  }
  return expect.fail(`took ${JSON.stringify(config)}`);
}

/** With DATABASE_URL set, or not set. */
function withUrl<T>(url: string | undefined, run: () => T): T {
  const before = process.env['DATABASE_URL'];
  try {
    if (url === undefined) delete process.env['DATABASE_URL'];
    else process.env['DATABASE_URL'] = url;
    return run();
  } finally {
    if (before === undefined) delete process.env['DATABASE_URL'];
    else process.env['DATABASE_URL'] = before;
  }
}

describe('a config', () => {
  it('needs services only; the rest has defaults', () => {
    const config = withUrl(undefined, () => resolveConfig({ services }));
    const { name, ...rest } = config;
    expect(name).a('string').not.equal('');
    expect(rest).deep.equal({
      services,
      provide: [],
      version: undefined,
      database: { kind: 'embedded' },
      migrations: undefined,
      dataDirectory: '.apiary',
      schema: 'apiary',
      schemaMigration: 'apply',
      pool: { size: 10, systemSize: 4 },
      notify: true,
      isolation: 'serializable',
      retry: { maxAttempts: 3, initialIntervalMs: 1000, maxIntervalMs: 60_000, backoff: 2, jitter: 0.2, retryIf: undefined },
      leaseMs: 10_000,
      pollMs: 1000,
      lingerMs: 10,
      limits: { payload: 4_194_304, payloadWarning: 262_144 },
      log: { level: undefined, format: undefined },
      determinism: 'error',
      shutdownOn: [],
    } satisfies Omit<ResolvedConfig, 'name'>);
  });

  it('takes undefined for absent, everywhere', () => {
    const keys = [
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
      'log',
      'shutdownOn',
    ];
    const absent = Object.fromEntries(keys.map((key) => [key, undefined]));
    expect(resolveConfig({ ...absent, services })).deep.equal(resolveConfig({ services }));
    const inner = {
      pool: { size: undefined, systemSize: undefined },
      limits: { payload: undefined },
      log: { level: undefined },
      retry: { maxAttempts: undefined },
    };
    expect(resolveConfig({ ...inner, services })).deep.equal(resolveConfig({ services }));
  });

  it('takes every key', () => {
    const migrations = async (): Promise<void> => {};
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const token = { name: 'KEY' };
    const given = {
      services,
      provide: [
        [Orders, new Orders()],
        [token, 'x'],
      ],
      name: 'shop',
      version: '7',
      database: 'postgres://u@h/db',
      migrations,
      dataDirectory: 'data',
      schema: 'my "schema"',
      schemaMigration: 'verify',
      pool: { size: 3, systemSize: 2 },
      notify: false,
      isolation: 'read committed',
      retry: { maxAttempts: 1 },
      lease: '3 seconds',
      poll: 200,
      linger: 0,
      limits: { payload: 2048, payloadWarning: 1 },
      log,
      shutdownOn: ['SIGTERM', 'SIGTERM'],
    };
    const config = resolveConfig(given as unknown as Config);
    expect(config).deep.include({
      name: 'shop',
      version: '7',
      schema: 'my "schema"',
      leaseMs: 3000,
      pollMs: 200,
      lingerMs: 0,
      notify: false,
      isolation: 'read committed',
      dataDirectory: 'data',
      shutdownOn: ['SIGTERM'],
    });
    expect(config.log).equal(log);
    expect(config.migrations).equal(migrations);
    expect(config.retry.maxAttempts).equal(1);
    expect(config.limits).deep.equal({ payload: 2048, payloadWarning: 1 });
  });

  it('warns from the payload limit on, when that is set below the default warning', () => {
    expect(resolveConfig({ services, limits: { payload: 5000 } }).limits).deep.equal({ payload: 5000, payloadWarning: 5000 });
  });

  it('is refused with the path of what is wrong', () => {
    const bad: readonly (readonly [unknown, string])[] = [
      [undefined, 'config'],
      [null, 'config'],
      ['x', 'config'],
      [[], 'config'],
      [{}, 'services'],
      [{ services: [] }, 'services'],
      [{ services: Orders }, 'services'],
      [{ services: [Orders, new Orders()] }, 'services[1]'],
      [{ services: [undefined] }, 'services[0]'],
      [{ services: [() => 1] }, 'services[0]'],
      [{ services: ['Orders'] }, 'services[0]'],
      ...(
        [
          [{ provide: {} }, 'provide'],
          [{ provide: [Orders] }, 'provide[0]'],
          [{ provide: [[Orders]] }, 'provide[0]'],
          [{ provide: [['key', 1]] }, 'provide[0][0]'],
          [
            {
              provide: [
                [Orders, 1],
                [undefined, 1],
              ],
            },
            'provide[1][0]',
          ],
          [{ name: '' }, 'name'],
          [{ name: 5 }, 'name'],
          [{ name: 'a\0' }, 'name'],
          [{ name: 'x'.repeat(201) }, 'name'],
          [{ version: '' }, 'version'],
          [{ version: 7 }, 'version'],
          [{ database: 5 }, 'database'],
          [{ database: '' }, 'database'],
          [{ database: 'mysql://h/db' }, 'database'],
          [{ database: 'localhost:5432/db' }, 'database'],
          [{ database: 'postgres:/h/db' }, 'database'],
          [{ database: 'postgres://u:p#ss@h/db' }, 'database'],
          [{ database: 'postgres://u:1#ss@h/db' }, 'database'],
          [{ database: 'postgres://u:p%zz@h/db' }, 'database'],
          [{ database: 'postgres://h:port/db' }, 'database'],
          [{ database: 'postgres://a b/db' }, 'database'],
          [{ database: {} }, 'database.client'],
          [{ database: { client: 'mysql2', connection: {} } }, 'database.client'],
          [{ database: { client: 'pg' } }, 'database.connection'],
          [{ database: { client: 'pg', connection: 'x' } }, 'database.connection'],
          [{ database: () => 1 }, 'database'],
          [{ migrations: 'folder' }, 'migrations'],
          [{ migrations: ['x'] }, 'migrations'],
          [{ dataDirectory: '' }, 'dataDirectory'],
          [{ dataDirectory: 5 }, 'dataDirectory'],
          [{ schema: '' }, 'schema'],
          [{ schema: 'x'.repeat(49) }, 'schema'],
          [{ schema: '漢'.repeat(17) }, 'schema'],
          [{ schema: 'a\0' }, 'schema'],
          [{ schema: '\ud800' }, 'schema'],
          [{ schema: 5 }, 'schema'],
          [{ schemaMigration: 'none' }, 'schemaMigration'],
          [{ schemaMigration: true }, 'schemaMigration'],
          [{ pool: 10 }, 'pool'],
          [{ pool: { size: 0 } }, 'pool.size'],
          [{ pool: { size: 1.5 } }, 'pool.size'],
          [{ pool: { size: '10' } }, 'pool.size'],
          [{ pool: { size: Number.NaN } }, 'pool.size'],
          [{ pool: { size: Infinity } }, 'pool.size'],
          [{ pool: { size: null } }, 'pool.size'],
          [{ pool: { systemSize: 0 } }, 'pool.systemSize'],
          [{ pool: { max: 10 } }, 'pool.max'],
          [{ notify: 'yes' }, 'notify'],
          [{ notify: 1 }, 'notify'],
          [{ isolation: 'SERIALIZABLE' }, 'isolation'],
          [{ isolation: 'read uncommitted' }, 'isolation'],
          [{ retry: { maxAttempts: 0 } }, 'retry.maxAttempts'],
          [{ retry: 3 }, 'retry'],
          [{ lease: '10 secs' }, 'lease'],
          [{ lease: 0 }, 'lease'],
          [{ lease: -1 }, 'lease'],
          [{ lease: Infinity }, 'lease'],
          [{ lease: '2 days' }, 'lease'],
          [{ poll: 0 }, 'poll'],
          [{ poll: 'often' }, 'poll'],
          [{ poll: null }, 'poll'],
          [{ lease: 2000, poll: 1000 }, 'lease'],
          [{ poll: '5 seconds' }, 'lease'],
          [{ linger: '11 seconds' }, 'linger'],
          [{ linger: -1 }, 'linger'],
          [{ limits: 5 }, 'limits'],
          [{ limits: { payload: 1023 } }, 'limits.payload'],
          [{ limits: { payload: 2 ** 40 } }, 'limits.payload'],
          [{ limits: { payload: '4MB' } }, 'limits.payload'],
          [{ limits: { payloadWarning: 0 } }, 'limits.payloadWarning'],
          [{ limits: { maxPayload: 5 } }, 'limits.maxPayload'],
          [{ log: 'info' }, 'log'],
          [{ log: { level: 'trace' } }, 'log.level'],
          [{ log: { format: 'xml' } }, 'log.format'],
          [{ log: { info() {} } }, 'log.info'],
          [{ shutdownOn: 'SIGTERM' }, 'shutdownOn'],
          [{ shutdownOn: ['SIGKILL'] }, 'shutdownOn[0]'],
          [{ shutdownOn: ['SIGINT', undefined] }, 'shutdownOn[1]'],
          [{ determinism: 'on' }, 'determinism'],
          [{ databse: 'x' }, 'databse'],
          [{ 'pool.size': 5 }, 'pool.size'],
          [{ constructor: 1 }, 'constructor'],
        ] as [object, string][]
      ).map(([config, at]) => [{ services, ...config }, at] as const),
    ];
    for (const [config, at] of bad) expect(problemOf(config).path, JSON.stringify(config)).equal(at);
  });

  it('names the option that was meant', () => {
    const meant: readonly (readonly [object, string | undefined])[] = [
      [{ databse: 1 }, 'database'],
      [{ Pool: 1 }, 'pool'],
      [{ pool: { sise: 1 } }, 'pool.size'],
      [{ limits: { payloadwarning: 1 } }, 'limits.payloadWarning'],
      [{ service: 1 }, 'services'],
      [{ leese: 1 }, 'lease'],
      [{ fastify: 1 }, undefined],
    ];
    for (const [config, name] of meant) {
      const { problem } = problemOf({ services, ...config });
      if (name === undefined) expect(problem).not.match(/did you mean/);
      else expect(problem).include(`did you mean ${name}?`);
    }
  });
});

describe('the database of a config', () => {
  const of = (database: unknown): ResolvedConfig['database'] => resolveConfig({ services, database: database as string }).database;

  it('is a connection string, of any form that pg takes', () => {
    for (const url of [
      'postgres://u:p@h:5432/db',
      'postgresql://h/db',
      'postgres:///db?host=/run/postgresql',
      'postgres://u@/db?host=/run/postgresql',
      'postgres://u:p%40%2F@[::1]:1/db?sslmode=require',
      'postgres://%2Frun%2Fpostgresql/db',
    ]) {
      expect(of(url)).deep.equal({ kind: 'url', url });
    }
  });

  it('is DATABASE_URL, or else the embedded server', () => {
    expect(withUrl('postgres://h/env', () => of(undefined))).deep.equal({ kind: 'url', url: 'postgres://h/env' });
    expect(withUrl('postgres://h/env', () => of('postgres://h/given'))).deep.equal({ kind: 'url', url: 'postgres://h/given' });
    expect(withUrl('', () => of(undefined))).deep.equal({ kind: 'embedded' });
    expect(withUrl('mysql://h/env', () => problemOf({ services })).path).equal('DATABASE_URL');
  });

  it('is a Knex config, or a Knex for PostgreSQL', async () => {
    const config = { client: 'pg', connection: { host: 'h' } };
    expect(of(config)).deep.equal({ kind: 'knexConfig', config });
    expect(of({ client: 'pg', connection: async () => ({ host: 'h' }) }).kind).equal('knexConfig');
    const own = knex(config);
    const found = of(own);
    expect(found.kind === 'knex' && found.knex === own).equal(true);
    await own.destroy();
    const other = Object.assign(() => {}, { client: { dialect: 'mysql' } });
    expect(problemOf({ services, database: other }).problem).match(/not for PostgreSQL/);
    expect(problemOf({ services, database: Object.assign(() => {}, { client: { dialect: 'postgresql' }, isTransaction: true }) }).problem).match(
      /a transaction/,
    );
  });

  it('never shows its password in an error', () => {
    const secrets = ['mysql://u:s3cret@h/db', 'postgres://u:s3cret#@h/db', 'postgres://u:s3cret@h:x/db', 'u:s3cret@h/db', 's3cret'];
    for (const database of secrets) {
      for (const run of [
        () => problemOf({ services, database }),
        () => withUrl(database, () => problemOf({ services })),
        () => problemOf({ services, database: { client: 'pg', connection: database } }),
      ]) {
        expect(JSON.stringify(run())).not.include('s3cret');
      }
    }
    expect(JSON.stringify(problemOf({ services, database: { client: 'pg', connection: ['s3cret'] } }))).not.include('s3cret');
  });
});

describe('the name of an app', () => {
  it('is that of the nearest package.json that has one', () => {
    const root = mkdtempSync(path.join(tmpdir(), 'apiary-config-'));
    const before = process.cwd();
    try {
      const folder = path.join(root, 'a', 'b');
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(root, 'package.json'), '{"name":"outer"}');
      writeFileSync(path.join(root, 'a', 'package.json'), '{ not json');
      process.chdir(folder);
      expect(resolveConfig({ services }).name).equal('outer');
      writeFileSync(path.join(folder, 'package.json'), '{"name":"@scope/inner"}');
      expect(resolveConfig({ services }).name).equal('@scope/inner');
      expect(resolveConfig({ services, name: 'mine' }).name).equal('mine');
    } finally {
      process.chdir(before);
      rmSync(root, { recursive: true, force: true });
    }
  });
});
