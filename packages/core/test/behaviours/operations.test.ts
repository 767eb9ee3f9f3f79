import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Apiary, Communicator, Service, Transaction, Workflow, sql, workflowId } from '@apiary/core';
import { createDatabase, launchApp, until, type TcpProxy } from '@apiary/testing/internal';
import { expect } from 'chai';
import pg from 'pg';
import { Engine, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
let disposed = 0;

@Service()
class Flows {
  @Transaction()
  async write(text: string): Promise<string> {
    await note(text);
    return text;
  }
  @Workflow()
  async stops(): Promise<string> {
    await this.write('before');
    await gates.at('stops');
    return this.write('after');
  }
  async [Symbol.asyncDispose](): Promise<void> {
    disposed++;
  }
}
@Service()
class Where {
  @Transaction()
  async database(): Promise<string> {
    return (await sql<{ name: string }>`select current_database() as name`.one()).name;
  }
  @Communicator()
  async id(): Promise<string> {
    return workflowId();
  }
  @Workflow()
  async workflow(): Promise<string> {
    await this.id();
    return this.database();
  }
}

async function withClient<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

describe('behaviours of operation', () => {
  beforeEach(() => {
    gates.reset();
    disposed = 0;
  });

  it('BEHAVIOUR 63: launch and shutdown again and again in one process leave no connection, timer or handle', async () => {
    const database = await createDatabase();
    try {
      const once = async (): Promise<void> => {
        const app = await Apiary.launch({ services: [Flows, Where], database: database.connectionString, log: { level: 'silent' }, shutdownOn: ['SIGTERM'] });
        expect(await app.get(Where).workflow()).equal(database.name);
        await app.shutdown();
        await app.shutdown(); // twice is once
      };
      await once();
      const resources = () =>
        process
          .getActiveResourcesInfo()
          .filter((kind) => kind !== 'TTYWrap' && kind !== 'PipeWrap')
          .sort();
      await until('the sockets are gone', () => !resources().includes('TCPSocketWrap'));
      const before = resources();
      const listeners = process.listenerCount('SIGTERM');
      for (let i = 0; i < 3; i++) await once();
      await until('the sockets are gone', () => !resources().includes('TCPSocketWrap'));
      // one timer too many may be somebody else's and end by itself; one that an app left would stay
      await until('no more is held than before', () => resources().length <= before.length);
      expect([process.listenerCount('SIGTERM'), disposed]).deep.equal([listeners, 4]);
      const connections = await withClient(
        database.connectionString,
        async (c) => (await c.query('select from pg_stat_activity where datname = current_database()')).rowCount,
      );
      expect(connections, 'only the one that asks').equal(1);
    } finally {
      await database.drop();
    }
  });

  for (const [how, fault] of [
    ['refuses connections', (proxy: TcpProxy) => (proxy.refuse(), proxy.cut())],
    ['does not answer', (proxy: TcpProxy) => proxy.partition()],
  ] as const)
    it(`BEHAVIOUR 63: shutdown ends though the database ${how}; what it could not record is done again elsewhere`, async () => {
      await using engine = await Engine.start({ services: [Flows], lease: '1 second', poll: '50 ms' }, { proxied: true });
      gates.close('stops');
      const handle = await engine.app.start(Flows, { workflowId: 'b63' }).stops();
      await gates.reached('stops');
      await until('the first step has committed', async () => (await engine.ledger()).length === 1);
      const waiting = rejected(handle.result());
      fault(engine.proxy);
      gates.open('stops');
      await engine.app.shutdown({ grace: 0 });
      expect((await waiting).code).equal('SHUTTING_DOWN');
      expect(await engine.ledger(), 'nothing reached the database').deep.equal(['before']);
      const other = await engine.another();
      expect(await other.handle('b63').result()).equal('after');
    });

  it('BEHAVIOUR 63: shutdown lets steps end within its grace and gives workflows back at once; calls after it are SHUTTING_DOWN', async () => {
    const launched = await launchApp({
      services: [Flows],
      migrations: (knex) => knex.raw('create table if not exists ledger (entry bigint generated always as identity, workflow_id text, step text)'),
    });
    try {
      gates.close('stops');
      const handle = await launched.app.start(Flows, { workflowId: 'b63' }).stops();
      await gates.reached('stops');
      const waiting = rejected(handle.result());
      const other = await launched.another();
      await launched.app.shutdown({ grace: 50 });
      expect((await waiting).code).equal('SHUTTING_DOWN');
      gates.open('stops');
      expect(await other.handle('b63').result()).equal('after');
      expect((await other.handle('b63').info()).recoveries).equal(0);
      for (const late of [
        () => launched.app.get(Flows).stops(),
        () => launched.app.start(Flows).stops().result(),
        async () => launched.app.start(Flows).stops(),
        () => launched.app.handle('b63').result(),
        () => launched.app.handle('b63').status(),
        async () => launched.app.list(),
        () => launched.app.cancel({ all: true }),
      ]) {
        expect((await rejected(late() as Promise<unknown>)).code).equal('SHUTTING_DOWN');
      }
      expect(await rejected(launched.app.shutdown({ grace: -1 }))).include({ code: 'CONFIG' });
    } finally {
      await launched.close();
    }
  });

  it('BEHAVIOUR 64: a schema name with quotes, spaces and capitals works, with every kind of step in it', async () => {
    const schema = `We"ird Nam'e`;
    const engine = await Engine.start({ services: [Flows, Where], schema });
    try {
      gates.close('stops');
      const handle = await engine.app.start(Flows, { workflowId: 'b64' }).stops();
      await gates.reached('stops');
      await handle.cancel();
      gates.open('stops');
      expect((await rejected(handle.result())).code).equal('CANCELLED');
      await handle.resume();
      expect(await handle.result()).equal('after');
      expect(await engine.app.get(Where).workflow()).equal(engine.database.name);
      expect(await (await handle.fork({ from: '1' })).result()).equal('after');
      expect((await engine.app.list({ name: 'Flows.stops' })).items.length).equal(2);
      const other = await engine.another({ schema, schemaMigration: 'verify' });
      expect(await other.handle('b64').result()).equal('after');
      await expectSchemas(engine.admin, [schema]);
    } finally {
      await engine.close();
    }
  });

  it('BEHAVIOUR 64: migrations are idempotent, and safe when many launch at once', async () => {
    const database = await createDatabase();
    const launch = () => Apiary.launch({ services: [Where], database: database.connectionString, log: { level: 'silent' }, pool: { size: 1, systemSize: 1 } });
    try {
      const apps = await Promise.all(Array.from({ length: 8 }, launch));
      await withClient(database.connectionString, async (client) => {
        expect((await client.query('select version from apiary.schema_version')).rows.length).equal(1);
        expect(await apps[7]?.get(Where).workflow()).equal(database.name);
        await Promise.all(apps.map((app) => app.shutdown({ grace: 0 })));
        const again = await launch();
        expect((await client.query('select version from apiary.schema_version')).rows.length).equal(1);
        await again.shutdown({ grace: 0 });
      });
    } finally {
      await database.drop();
    }
  });

  it('BEHAVIOUR 76: two apps in one process, on two databases, do not see each other; nor do two schemas of one database', async () => {
    const first = await Engine.start({ services: [Where, Flows] });
    const second = await Engine.start({ services: [Where, Flows] });
    const third = await first.another({ schema: 'other' });
    try {
      const apps = [first.app, second.app, third];
      expect(await Promise.all(apps.map((app) => app.start(Where, { workflowId: 'same' }).workflow().result()))).deep.equal([
        first.database.name,
        second.database.name,
        first.database.name,
      ]);
      expect(
        apps.map((app) => app.get(Where)).every((w, i, all) => all.indexOf(w) === i),
        'each has instances of its own',
      ).equal(true);
      for (const app of apps) expect((await app.list()).items.map((w) => w.workflowId)).deep.equal(['same']);
      expect((await rejected(third.handle('only-first').status())).code).equal('NOT_FOUND');
      await first.app.start(Flows, { workflowId: 'only-first' }).stops().result();
      expect((await rejected(second.app.handle('only-first').status())).code).equal('NOT_FOUND');
      expect(await second.ledger()).deep.equal([]);
    } finally {
      await first.close();
      await second.close();
    }
  });

  it('BEHAVIOUR 76: a service of one app called in a workflow of another is a call from outside, after what it rests on is durable', async () => {
    const second = await Engine.start({ services: [Where, Flows] });
    @Service()
    class Across {
      constructor(private readonly flows: Flows) {}
      @Workflow()
      async goes(): Promise<[string, string]> {
        await this.flows.write('here');
        const there = await second.app.get(Where).workflow();
        await this.flows.write('here too');
        return [there, await second.app.start(Where).workflow().result()];
      }
    }
    const first = await Engine.start({ services: [Across] });
    try {
      expect(await first.app.get(Across).goes()).deep.equal([second.database.name, second.database.name]);
      expect(await first.ledger()).deep.equal(['here', 'here too']);
    } finally {
      await first.close();
      await second.close();
    }
  });

  it('BEHAVIOUR 78: under unhandledRejection=strict nothing ends the process, and after shutdown nothing keeps it', async () => {
    const database = await createDatabase();
    try {
      const child = spawn(
        process.execPath,
        ['--unhandled-rejections=strict', fileURLToPath(new URL('../support/children/leaves-nothing.js', import.meta.url)), database.connectionString],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      );
      let out = '';
      let errors = '';
      child.stdout.on('data', (data: Buffer) => (out += data.toString()));
      child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
      const hangs = setTimeout(() => child.kill('SIGKILL'), 60_000);
      const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => child.once('close', (c, s) => resolve([c, s])));
      clearTimeout(hangs);
      expect({ code, signal, errors, out: out.trim().split('\n') }).deep.equal({
        code: 0,
        signal: null,
        errors: '',
        out: ['SHUTTING_DOWN', 'rejected rejected rejected rejected rejected fulfilled', 'shut down'],
      });
    } finally {
      await database.drop();
    }
  });
});

async function expectSchemas(client: pg.Client, expected: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ nspname: string }>(
    `select nspname from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')`,
  );
  expect(rows.map((row) => row.nspname)).deep.equal(expected);
}
