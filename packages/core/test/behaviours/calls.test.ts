import {
  Apiary,
  Communicator,
  Procedure,
  Service,
  Transaction,
  Workflow,
  db,
  handleOf,
  idempotencyKey,
  log,
  now,
  random,
  randomUUID,
  signal,
  sleep,
  sql,
  start,
  token,
  workflowId,
} from '@apiary/core';
import { expect } from 'chai';
import { Engine, note, rejected } from '../support/engine.js';

/** What the caller under test does; each test sets it. */
let inside: () => unknown = () => undefined;

@Service()
class Callee {
  @Workflow()
  async workflow(): Promise<string> {
    return 'workflow';
  }
  @Transaction()
  async transaction(): Promise<string> {
    return 'transaction';
  }
  @Transaction({ readOnly: true })
  async reader(): Promise<string> {
    return 'reader';
  }
  @Transaction({ isolation: 'read committed' })
  async lax(): Promise<string> {
    return 'lax';
  }
  @Procedure()
  procedure() {
    return sql<{ text: string }>`select 'procedure' as text`.one();
  }
  @Communicator()
  async communicator(): Promise<string> {
    return 'communicator';
  }
}

@Service()
class Caller {
  @Workflow()
  async workflow(): Promise<unknown> {
    return inside();
  }
  @Transaction()
  async transaction(): Promise<unknown> {
    await note('caller');
    return inside();
  }
  @Transaction({ readOnly: true })
  async reader(): Promise<unknown> {
    return inside();
  }
  @Transaction({ isolation: 'read committed' })
  async lax(): Promise<unknown> {
    return inside();
  }
  @Communicator({ retry: { maxAttempts: 1 } })
  async communicator(): Promise<unknown> {
    return inside();
  }
}

@Service()
class Shapes {
  readonly #secret = 'private';
  constructor(private readonly app: Apiary) {}
  @Transaction()
  async read(suffix: string): Promise<string> {
    return `${this.#secret}${suffix}`;
  }
  @Workflow()
  async viaBind(): Promise<string> {
    const read = this.read.bind(this);
    return read(' bound');
  }
  @Transaction()
  async base(): Promise<string> {
    return 'base';
  }
  @Workflow()
  async usesKnex(): Promise<unknown> {
    return this.app.knex;
  }
  @Transaction()
  async usesKnexInTransaction(): Promise<unknown> {
    return this.app.knex;
  }
  @Communicator()
  async usesKnexOutside(): Promise<number> {
    const { rows } = await this.app.knex.raw<{ rows: { n: number }[] }>('select 1 as n');
    return rows[0]?.n ?? 0;
  }
  @Workflow()
  async manages(what: 'list' | 'cancel' | 'resume'): Promise<unknown> {
    return what === 'list' ? this.app.list() : this.app[what]({ all: true });
  }
}

@Service()
class Heir extends Shapes {
  @Transaction()
  override async base(): Promise<string> {
    return `${await super.base()} and heir`;
  }
}

class Statics {
  @Workflow()
  static async next(name: string): Promise<string> {
    return `${name} ${await Statics.draw()} ${workflowId() === '' ? '' : 'durable'}`;
  }
  @Communicator()
  static async draw(): Promise<number> {
    return 7;
  }
}

abstract class Port {
  abstract send(): Promise<string>;
}
@Service()
class Adapter extends Port {
  @Communicator()
  async send(): Promise<string> {
    return 'sent';
  }
}
const KEY = token<string>('key');
class Stranger {}

describe('behaviours of calls', () => {
  let engine: Engine;
  let callee: Callee;
  before(async () => {
    engine = await Engine.start({ services: [Caller, Callee, Heir, Statics, Adapter], provide: [[KEY, 'value']] });
    callee = engine.app.get(Callee);
  });
  after(() => engine.close());
  beforeEach(() => engine.clear());
  const count = async (): Promise<number> => Number((await engine.admin.query('select count(*) as n from apiary.workflow_status')).rows[0].n);
  const call = (caller: keyof Caller): Promise<unknown> => engine.app.get(Caller)[caller]();

  describe('BEHAVIOUR 33: who may call whom', () => {
    const names = ['workflow', 'transaction', 'reader', 'lax', 'procedure', 'communicator'] as const;
    const allowed: Record<keyof Caller, readonly (typeof names)[number][]> = {
      workflow: names,
      transaction: ['transaction', 'reader', 'lax', 'procedure'],
      // a writer may not join a reader, nor a stricter function a laxer one
      reader: ['reader'],
      lax: ['lax'],
      communicator: [],
    };
    for (const caller of ['workflow', 'transaction', 'reader', 'lax', 'communicator'] as const) {
      for (const name of names) {
        const isAllowed = allowed[caller].includes(name);
        it(`${caller} -> ${name}: ${isAllowed ? 'runs' : 'FORBIDDEN_CALL'}`, async () => {
          inside = () => callee[name]();
          if (isAllowed) {
            const value = await call(caller);
            expect(name === 'procedure' ? (value as { text: string }).text : value).equal(name);
            return;
          }
          const error = await rejected(call(caller));
          expect([error.code, error.details]).deep.equal(['FORBIDDEN_CALL', { caller: `Caller.${caller}`, callee: `Callee.${name}` }]);
          expect(error.message).contain(`Caller.${caller}`).contain(`Callee.${name}`);
          expect(await engine.ledger(), 'the transaction around it rolled back').deep.equal([]);
        });
      }
    }

    it('a forbidden call in a transaction, caught, does not go unnoticed by the workflow: nothing is called', async () => {
      inside = async () => callee.communicator().catch(() => 'caught');
      expect(await call('transaction')).equal('caught');
      const { rows } = await engine.admin.query(`select from apiary.workflow_status where name = 'Callee.communicator' and status = 'PENDING'`);
      expect(rows).deep.equal([]);
    });
  });

  describe('BEHAVIOUR 33: starts, sleeps and handles', () => {
    it('start in a reader or a communicator, sleep and handles in a transaction are FORBIDDEN_CALL', async () => {
      const cases: [keyof Caller, () => unknown][] = [
        ['reader', () => start(Callee).workflow()],
        ['communicator', () => start(Callee).workflow()],
        ['transaction', () => sleep(1)],
        ['communicator', () => sleep(1)],
        ['transaction', () => handleOf('x').result()],
        ['transaction', () => handleOf('x').status()],
        ['transaction', () => handleOf('x').cancel()],
        ['transaction', () => start(Callee).workflow().result()],
      ];
      for (const [caller, what] of cases) {
        inside = what;
        const error = await rejected(call(caller));
        expect([error.code, error.details?.['caller']], `${caller}: ${String(what)}`).deep.equal(['FORBIDDEN_CALL', `Caller.${caller}`]);
      }
      expect(await engine.ledger()).deep.equal([]);
    });

    it('waiting for oneself or an ancestor is refused, at any depth', async () => {
      const self = new Map<string, unknown>();
      @Service()
      class Circle {
        @Workflow()
        async outer(): Promise<unknown> {
          return this.inner(workflowId());
        }
        @Workflow()
        async inner(id: string): Promise<unknown> {
          return start(Circle).waits(id).result();
        }
        @Workflow()
        async waits(id: string): Promise<string> {
          return handleOf<string>(id).result();
        }
        @Workflow()
        async own(): Promise<string> {
          return handleOf<string>(workflowId()).result();
        }
      }
      const app = await engine.another({ services: [Circle] });
      self.set('outer', await rejected(app.get(Circle).outer()));
      self.set('own', await rejected(app.get(Circle).own()));
      expect([...self.values()].map((error) => (error as { code: string }).code)).deep.equal(['FORBIDDEN_CALL', 'FORBIDDEN_CALL']);
      await app.shutdown({ grace: 0 });
    });
  });

  describe('BEHAVIOUR 33: outside any function', () => {
    const ambient: Record<string, () => unknown> = {
      'workflowId()': workflowId,
      'idempotencyKey()': idempotencyKey,
      'signal()': signal,
      'sleep()': () => sleep(1),
      'start()': () => start(Callee),
      'handleOf()': () => handleOf('x'),
    };
    for (const [name, use] of Object.entries(ambient)) {
      it(`${name} is NO_CONTEXT`, async () => {
        const error = await rejected((async () => use())());
        expect([error.code, error.details]).deep.equal(['NO_CONTEXT', { call: name }]);
      });
    }

    it('sql and db are NO_TRANSACTION, there, in a body and in a communicator', async () => {
      const uses: (() => unknown)[] = [
        () => sql`select 1`.then((r) => r),
        () =>
          db('spot')
            .select('*')
            .then((r) => r),
        () => db.raw('select 1').then((r) => r),
      ];
      for (const use of uses) {
        expect((await rejected((async () => use())())).code).equal('NO_TRANSACTION');
        inside = use;
        for (const caller of ['workflow', 'communicator'] as const) expect((await rejected(call(caller))).code, caller).equal('NO_TRANSACTION');
      }
    });

    it('now, random and randomUUID are the plain functions; log writes to the console', () => {
      expect(Math.abs(now().getTime() - Date.now())).lessThan(1000);
      expect(random()).within(0, 1);
      expect(randomUUID()).match(/^[0-9a-f-]{36}$/);
      const { info } = console;
      const lines: unknown[][] = [];
      console.info = (...line: unknown[]) => void lines.push(line);
      try {
        log.info('hello', { a: 1 });
      } finally {
        console.info = info;
      }
      expect(lines).deep.equal([['hello', { a: 1 }]]);
    });

    it('idempotencyKey() in a body is NO_CONTEXT, and says where it belongs', async () => {
      inside = idempotencyKey;
      expect(await rejected(call('workflow')))
        .include({ code: 'NO_CONTEXT' })
        .property('message')
        .contain('@Communicator');
    });
  });

  describe('BEHAVIOUR 75: shapes of methods and instances', () => {
    it('private fields, bind and super work; a method taken off its instance says why not', async () => {
      const heir = engine.app.get(Heir);
      expect(await heir.read('!')).equal('private!');
      expect(await heir.viaBind()).equal('private bound');
      expect(await heir.base()).equal('base and heir');
      const rows = (await engine.admin.query<{ name: string }>(`select name from apiary.workflow_status where name like '%.base'`)).rows;
      expect(rows, 'stored under the registered class, and super.base() joined').deep.equal([{ name: 'Heir.base' }]);
      const { read } = heir;
      expect((await rejected(read('x'))).code).equal('NOT_LAUNCHED');
      expect((await rejected({ read: heir.read }.read('x'))).code).equal('NOT_LAUNCHED');
      expect(await { read: heir.read.bind(heir) }.read('?')).equal('private?');
    });

    it('an instance that no app manages is NOT_LAUNCHED, beside the one that is', async () => {
      const own = new Callee();
      expect(await rejected(own.workflow()))
        .include({ code: 'NOT_LAUNCHED' })
        .property('details')
        .deep.equal({ method: 'Callee.workflow' });
      expect(await engine.app.get(Callee).workflow()).equal('workflow');
      expect(engine.app.get(Callee)).equal(engine.app.get(Callee));
    });

    it('static functions: by app.start and in workflows; outside a workflow NO_CONTEXT', async () => {
      expect(await engine.app.start(Statics).next('invoice').result()).equal('invoice 7 durable');
      inside = () => Statics.next('nested');
      expect(await call('workflow')).equal('nested 7 durable');
      expect(await rejected(Statics.next('x')))
        .include({ code: 'NO_CONTEXT' })
        .property('details')
        .deep.equal({ call: 'Statics.next()' });
    });
  });

  describe('app.get, app.knex and what an app refuses in functions', () => {
    it('app.get gives instances by class, by abstract class and by token; anything else is NOT_A_SERVICE', async () => {
      expect(await engine.app.get(Port).send()).equal('sent');
      expect(engine.app.get(KEY)).equal('value');
      expect(engine.app.get(Apiary)).equal(engine.app);
      for (const [key, name] of [
        [Stranger, 'Stranger'],
        [token('other'), 'other'],
        [undefined, 'undefined'],
        [null, 'null'],
      ] as const) {
        expect(() => engine.app.get(key as never))
          .throw()
          .include({ code: 'NOT_A_SERVICE' })
          .property('details')
          .deep.equal({ service: name });
      }
      expect(() => engine.app.start(Stranger as never))
        .throw()
        .include({ code: 'NOT_A_SERVICE' });
      expect(() => (engine.app.start(Callee) as unknown as Record<string, () => unknown>)['nothing']?.())
        .throw()
        .include({ code: 'NOT_A_FUNCTION' })
        .property('details')
        .deep.equal({ method: 'Callee.nothing' });
    });

    it('app.knex works outside and in communicators; in a body or a transaction it is FORBIDDEN_CALL', async () => {
      const heir = engine.app.get(Heir);
      expect((await engine.app.knex.raw<{ rows: unknown[] }>('select 2 as n')).rows).deep.equal([{ n: 2 }]);
      expect(await heir.usesKnexOutside()).equal(1);
      for (const use of [() => heir.usesKnex(), () => heir.usesKnexInTransaction()]) {
        expect(await rejected(use()))
          .include({ code: 'FORBIDDEN_CALL' })
          .property('message')
          .contain('db in a @Transaction');
      }
    });

    it('app.list, app.cancel and app.resume in a body are FORBIDDEN_CALL: a replay would see or do something else', async () => {
      const before = await count();
      for (const what of ['list', 'cancel', 'resume'] as const) {
        expect(await rejected(engine.app.get(Heir).manages(what)))
          .include({ code: 'FORBIDDEN_CALL' })
          .property('details')
          .deep.equal({ caller: 'Heir.manages', callee: what === 'list' ? 'app.list()' : `app.${what}()` });
      }
      expect(await count()).equal(before + 3);
    });
  });

  it('graph() shows services, functions, calls and starts', async () => {
    const { nodes, edges } = engine.app.graph();
    expect(nodes.find((n) => n.name === 'Statics.next')?.kind).equal('workflow');
    expect(edges).deep.include({ from: 'Statics.next', to: 'Statics.draw', kind: 'calls' });
    expect(edges).deep.include({ from: 'Heir.viaBind', to: 'Heir.read', kind: 'calls' });
    expect(engine.app.graph().toMermaid()).match(/^(flowchart|graph) /);
    expect(engine.app.graph().toDot()).match(/^digraph /);
  });
});
