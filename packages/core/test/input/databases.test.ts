import { Socket } from 'node:net';
import { inspect } from 'node:util';
import { Apiary, Service, Workflow, type Config } from '@apiary/core';
import { createDatabase, freePort, until, type TestDatabase } from '@apiary/testing/internal';
import { expect } from 'chai';
import makeKnex from 'knex';
import pg from 'pg';
import { rejected } from '../support/engine.js';
import { schemasOf } from '../support/stored.js';

@Service()
class Fine {
  @Workflow()
  async work(): Promise<string> {
    return 'fine';
  }
}

const secret = 'hunter2-secret';

describe('databases that cannot be used', () => {
  let database: TestDatabase;
  let admin: pg.Client;
  const role = `apiary_shut_out_${process.pid}`;
  before(async () => {
    database = await createDatabase();
    admin = new pg.Client({ connectionString: database.connectionString });
    await admin.connect();
    await admin.query(`create role ${role} nologin password 'another one'`);
  });
  after(async () => {
    await admin.query(`drop role ${role}`);
    await admin.end();
    await database.drop();
  });

  /** The error of a launch, with all that was logged and printed meanwhile. */
  async function refusal(connection: Config['database']): Promise<{ error: Awaited<ReturnType<typeof rejected>>; all: string }> {
    const lines: unknown[] = [];
    const log = Object.fromEntries(
      (['debug', 'info', 'warn', 'error'] as const).map((level) => [level, (...line: unknown[]) => void lines.push(line)]),
    ) as never;
    const write = process.stderr.write.bind(process.stderr);
    const printed: string[] = [];
    process.stderr.write = ((text: string, ...rest: never[]) => (printed.push(String(text)), write(text, ...rest))) as typeof process.stderr.write;
    try {
      const error = await rejected(Apiary.launch({ services: [Fine], database: connection, log }));
      const inspected = inspect(error, { depth: Infinity, showHidden: true, getters: true, maxStringLength: Infinity, maxArrayLength: Infinity });
      return { error, all: [inspected, error.stack, JSON.stringify(error), inspect(lines, { depth: Infinity }), ...printed].join('\n') };
    } finally {
      process.stderr.write = write;
    }
  }

  /** The same place as a connection string, as a config and as a Knex. */
  function* forms(host: string, port: number, user: string, name: string): Generator<[string, () => Config['database']]> {
    yield ['a connection string', () => `postgres://${user}:${secret}@${host}:${port}/${name}`];
    yield ['a Knex config', () => ({ client: 'pg', connection: { host, port, user, password: secret, database: name } })];
    yield ['a Knex', () => makeKnex({ client: 'pg', connection: { host, port, user, password: secret, database: name } })];
  }
  const place = (): { host: string; port: number } => {
    const url = new URL(database.connectionString);
    return { host: url.hostname, port: Number(url.port) };
  };
  const close = async (connection: Config['database']): Promise<void> => {
    if (typeof connection === 'function') await connection.destroy();
  };

  for (const form of ['a connection string', 'a Knex config', 'a Knex']) {
    const of = (host: string, port: number, user: string, name: string): Config['database'] =>
      [...forms(host, port, user, name)].find(([n]) => n === form)?.[1]();

    it(`unreachable, by ${form}: DATABASE_UNREACHABLE with host, port, user and remedy; the password is nowhere`, async () => {
      const port = await freePort();
      const connection = of('127.0.0.1', port, 'somebody', 'x');
      const { error, all } = await refusal(connection);
      await close(connection);
      expect([error.code, error.details]).deep.equal(['DATABASE_UNREACHABLE', { host: '127.0.0.1', port, user: 'somebody' }]);
      expect(error.message).contain(`127.0.0.1:${port}`).contain('somebody').contain('start it').contain('DATABASE_URL');
      expect(all).not.contain(secret);
    });

    it(`a host that does not exist, by ${form}: DATABASE_UNREACHABLE that names it`, async () => {
      const connection = of('no-such-host.invalid', 5432, 'somebody', 'x');
      const { error, all } = await refusal(connection);
      await close(connection);
      expect([error.code, error.details?.['host']]).deep.equal(['DATABASE_UNREACHABLE', 'no-such-host.invalid']);
      expect(all).not.contain(secret);
    });

    it(`a user that is not let in, by ${form}: CONFIG at database that names the user; the password is nowhere`, async () => {
      const { host, port } = place();
      const connection = of(host, port, role, database.name);
      const { error, all } = await refusal(connection);
      await close(connection);
      expect([error.code, error.details?.['path']]).deep.equal(['CONFIG', 'database']);
      expect(error.message).contain(`${host}:${port}`).contain(role).contain('password');
      expect(all).not.contain(secret);
    });
  }

  it('no password where the server wants one: CONFIG that says so, and no socket is left open', async function () {
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const url = new URL(database.connectionString);
    url.password = '';
    if (await letsInWithoutPassword(url.href)) return this.skip();
    const before = sockets();
    const { error } = await refusal(url.href);
    expect([error.code, error.details?.['path']]).deep.equal(['CONFIG', 'database']);
    expect(error.message).contain('wants a password').contain(url.username);
    await until('the socket is closed', () => sockets() === before);
  });

  it('a database that does not exist: CONFIG that names it', async () => {
    const url = new URL(database.connectionString);
    url.pathname = '/no_such_database';
    const { error } = await refusal(url.href);
    expect([error.code, error.details?.['path']]).deep.equal(['CONFIG', 'database']);
    expect(error.message).contain('no_such_database').contain('create it');
  });

  it('a connection string that cannot be read: CONFIG that does not quote it', async () => {
    for (const url of [`postgres://u:${secret}@[::1/x`, `postgres://u:${secret}%zz@h/x`, `http://u:${secret}@h/x`, `postgres://u:${secret}#x@h/x`]) {
      const { error, all } = await refusal(url);
      expect([error.code, error.details?.['path']]).deep.equal(['CONFIG', 'database']);
      expect(all).not.contain(secret);
    }
  });

  it('a server older than 13: DATABASE_VERSION with both versions, and no schema is made', async () => {
    // A schema before pg_catalog makes this server answer as an old one does.
    await admin.query(`create schema old; create function old.current_setting(name text) returns text language sql as
      $$ select case name when 'server_version_num' then '120022' when 'server_version' then '12.22' else pg_catalog.current_setting(name) end $$`);
    // Of a role in a database: what a role has of its own does not outrank it.
    await admin.query(`alter role current_user in database ${database.name} set search_path = old, pg_catalog`);
    try {
      const { error } = await refusal(database.connectionString);
      expect([error.code, error.details]).deep.equal(['DATABASE_VERSION', { found: 'PostgreSQL 12.22', needed: 'PostgreSQL 13 or newer' }]);
      expect(await schemasOf(admin)).deep.equal(['old']);
    } finally {
      await admin.query(`alter role current_user in database ${database.name} reset search_path; drop schema old cascade`);
    }
  });

  it('a role that may not make the schema: the error of the database, and nothing is left behind', async () => {
    const maker = `apiary_powerless_${process.pid}`;
    await admin.query(`create role ${maker} login password 'known'`);
    try {
      const url = new URL(database.connectionString);
      url.username = maker;
      url.password = 'known';
      const { error } = await refusal(url.href);
      expect(error.message).match(/permission denied/);
      expect(await schemasOf(admin)).deep.equal([]);
    } finally {
      await admin.query(`drop role ${maker}`);
    }
  });
});

/** Some servers trust whoever comes by this way. */
async function letsInWithoutPassword(connectionString: string): Promise<boolean> {
  const socket = new Socket();
  const client = new pg.Client({ connectionString, stream: () => socket });
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
