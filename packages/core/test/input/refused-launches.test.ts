import { Apiary, Communicator, Procedure, Service, Transaction, Workflow, sql, type Config } from '@apiary/core';
import { createDatabase, executes, TcpProxy, type TestDatabase } from '@apiary/testing/internal';
import { Validate, ValidateNested, type ValidatorConstraintInterface } from 'class-validator';
import { expect } from 'chai';
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

@Service()
class NeedsText {
  constructor(readonly text: string) {}
  @Workflow()
  async work(): Promise<void> {}
}
@Service()
class CallsOut {
  @Communicator()
  async out(): Promise<void> {}
  @Transaction()
  async bad(): Promise<void> {
    await this.out();
  }
}
@Service()
class BadOptions {
  @Transaction({ timeout: 'soon' as never, isolation: 'none' as never })
  async bad(): Promise<void> {}
  @Workflow({ maxRecoveries: -1 })
  async worse(): Promise<void> {}
}
class Untyped {
  @ValidateNested() lines!: object[];
}
class Asynchronous {
  @Validate(
    class implements ValidatorConstraintInterface {
      async validate(): Promise<boolean> {
        return true;
      }
    },
  )
  text!: string;
}
class Unchecked {
  readonly other!: string;
}
@Service()
class Throws {
  constructor() {
    throw new RangeError('the constructor broke');
  }
  @Procedure()
  one() {
    return sql`select 1 as n`.one();
  }
}

describe('refused launches', () => {
  let database: TestDatabase;
  let admin: pg.Client;
  before(async () => {
    database = await createDatabase();
    admin = new pg.Client({ connectionString: database.connectionString });
    await admin.connect();
  });
  after(async () => {
    await admin.end();
    await database.drop();
  });
  const launch = (config: Partial<Config>): Promise<Apiary> =>
    Apiary.launch({ services: [Fine], database: database.connectionString, log: { level: 'silent' }, ...config } as Config);
  /** Nothing listens there: whoever connects gets another error. */
  const nowhere = 'postgres://nobody@127.0.0.1:1/none';

  const problems: [string, Partial<Config>, string, RegExp][] = [
    ['a missing dependency', { services: [NeedsText] }, 'DEPENDENCY', /NeedsText/],
    ['a communicator called in a transaction', { services: [CallsOut] }, 'REGISTRATION', /CallsOut\.bad/],
    ['wrong options of functions', { services: [BadOptions] }, 'REGISTRATION', /BadOptions\.(bad|worse)/],
    [
      'one class given twice by name',
      { services: [Fine, class Fine2 extends Fine {}].map((type, i) => (i === 1 ? Object.defineProperty(type, 'name', { value: 'Fine' }) : type)) },
      'REGISTRATION',
      /Fine/,
    ],
    ['a malformed provide', { provide: [['x', 1]] as never }, 'CONFIG', /provide/],
  ];
  const wrong: [string, unknown, string][] = [
    ['services', [], 'services'],
    ['services', [new Fine()], 'services[0]'],
    ['services', undefined, 'services'],
    ['database', 'mysql://localhost/x', 'database'],
    ['database', 7, 'database'],
    ['database', { client: 'mysql2', connection: {} }, 'database.client'],
    ['migrations', 7, 'migrations'],
    ['schema', '', 'schema'],
    ['schema', 'x'.repeat(49), 'schema'],
    ['schema', 'a\0', 'schema'],
    ['schemaMigration', 'maybe', 'schemaMigration'],
    ['pool', { size: 0 }, 'pool.size'],
    ['pool', { sizes: 1 }, 'pool.sizes'],
    ['notify', 'yes', 'notify'],
    ['isolation', 'none', 'isolation'],
    ['retry', { maxAttempts: 0 }, 'retry.maxAttempts'],
    ['lease', '1 second', 'lease'],
    ['lease', -1, 'lease'],
    ['poll', 'often', 'poll'],
    ['linger', '1 hour', 'linger'],
    ['limits', { payload: 1 }, 'limits.payload'],
    ['limits', { payloads: 1 }, 'limits.payloads'],
    ['log', { level: 'loud' }, 'log.level'],
    ['shutdownOn', ['SIGKILL'], 'shutdownOn[0]'],
    ['version', '', 'version'],
    ['name', 7, 'name'],
    ['nmae', 'x', 'nmae'],
    ['dataDirectory', '', 'dataDirectory'],
  ];

  for (const [what, config, code, message] of problems) {
    it(`${what}: ${code}, found before anything is connected, and no schema is made`, async () => {
      const error = await rejected(launch({ ...config, database: nowhere }));
      expect(error.code).equal(code);
      expect(error.message).match(message);
      expect((await rejected(launch(config))).code).equal(code);
      expect(await schemasOf(admin)).deep.equal([]);
    });
  }

  for (const [key, value, path] of wrong) {
    it(`${key}: ${String(JSON.stringify(value)).slice(0, 40)} is CONFIG at ${path}, and no schema is made`, async () => {
      const error = await rejected(launch({ ...(key === 'database' ? {} : { database: nowhere }), [key]: value } as never));
      expect([error.code, error.details?.['path']], error.message).deep.equal(['CONFIG', path]);
      expect(await schemasOf(admin)).deep.equal([]);
    });
  }

  it('class-validator rules that can never hold or never run are found at launch', async () => {
    const make = (type: unknown): Partial<Config> => {
      class Takes {
        async take(given: object): Promise<object> {
          return given;
        }
      }
      const descriptor = Object.getOwnPropertyDescriptor(Takes.prototype, 'take') as PropertyDescriptor;
      Reflect.defineMetadata('design:paramtypes', [type], Takes.prototype, 'take');
      (Workflow() as unknown as (target: object, key: string, descriptor: PropertyDescriptor) => void)(Takes.prototype, 'take', descriptor);
      Object.defineProperty(Takes.prototype, 'take', descriptor);
      return { services: [Takes as never], database: nowhere };
    };
    for (const [type, property] of [
      [Untyped, 'lines'],
      [Asynchronous, 'text'],
    ] as const) {
      const error = await rejected(launch(make(type)));
      expect(error.code, error.message).equal('REGISTRATION');
      expect(error.message).contain('Takes.take').contain(`${type.name}.${property}`);
    }
    expect(await schemasOf(admin)).deep.equal([]);
    const fine = await launch({ ...make(Unchecked), database: database.connectionString, schema: 'unchecked' });
    await fine.shutdown({ grace: 0 });
    await admin.query('drop schema unchecked cascade');
  });

  it(`schemaMigration: 'verify' on an empty database: DATABASE_VERSION that says what to do, and no schema is made`, async () => {
    const error = await rejected(launch({ schemaMigration: 'verify' }));
    expect(error).include({ code: 'DATABASE_VERSION' }).property('details').property('found').equal('no tables of Apiary');
    expect(error.message).contain(`'apply'`);
    expect(await schemasOf(admin)).deep.equal([]);
  });

  describe('what fails while it is set up', () => {
    afterEach(async () => {
      await admin.query('drop schema if exists apiary cascade');
    });
    const others = async (): Promise<number> =>
      (
        await admin.query('select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = $1', [
          'client backend',
        ])
      ).rowCount ?? 0;

    it('a constructor or a migration that throws is thrown as it is; no connection and no living executor is left', async () => {
      expect(await rejected(launch({ services: [Throws] }))).instanceOf(RangeError);
      const migration = async (): Promise<never> => Promise.reject(new TypeError('the migration broke'));
      expect(await rejected(launch({ migrations: migration }))).instanceOf(TypeError);
      expect((await admin.query('select from apiary.executor where not fenced')).rowCount).equal(0);
      while ((await others()) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
      const app = await launch({});
      expect(await app.get(Fine).work()).equal('fine');
      await app.shutdown({ grace: 0 });
    });

    for (const [during, statement] of [
      ['the migration', /create table .*workflow_status/],
      ['the registration', /insert into .*\.executor/],
    ] as const)
      it(`a connection that is lost during ${during}: DATABASE_UNREACHABLE, nothing stays open, and the next launch goes on`, async () => {
        const target = new URL(database.connectionString);
        await using proxy = await TcpProxy.start({ target: { host: target.hostname, port: Number(target.port) } });
        const config = {
          database: proxy.connectionString(database.connectionString),
          schema: `lost ${during}`,
        };
        const cut = proxy.add({ on: 'request', is: executes(statement), fault: { kind: 'cut', at: 'before' } });
        const error = await rejected(launch(config));
        await cut.hit;
        expect([error.code, error.details?.['port']]).deep.equal(['DATABASE_UNREACHABLE', proxy.port]);
        expect(error.message).contain('start it, or correct');
        while ((await others()) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
        const app = await launch(config);
        expect(await app.get(Fine).work()).equal('fine');
        await app.shutdown({ grace: 0 });
      });

    it('a schema of a newer release: DATABASE_VERSION that names both versions, and nothing is changed', async () => {
      await (await launch({})).shutdown({ grace: 0 });
      await admin.query('insert into apiary.schema_version (version) values (999)');
      for (const schemaMigration of ['apply', 'verify'] as const) {
        const error = await rejected(launch({ schemaMigration }));
        expect(error.code).equal('DATABASE_VERSION');
        expect(error.message).contain('999').contain('update @apiary/core');
      }
      expect((await admin.query('select from apiary.executor')).rowCount, 'no executor came').equal(1);
    });
  });
});
