import { Service, Transaction, Workflow, db, sql } from '@apiary/core';
import { expect } from 'chai';
import { Engine, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
let leftBehind: Promise<unknown> = Promise.resolve();
let seen: unknown;

@Service()
class Careless {
  @Transaction()
  async swallows(): Promise<string> {
    await note('before');
    await sql`insert into spot values ('a', null)`.catch(() => {});
    return 'fine';
  }
  @Transaction()
  async swallowsInSavepoint(): Promise<string> {
    await note('before');
    await db.transaction(async (inner) => inner('spot').insert({ id: 'a', n: null })).catch(() => {});
    await note('after');
    return 'fine';
  }
  @Transaction()
  async floats(): Promise<string> {
    await note('before');
    void sql`insert into spot values ('a', null)`.catch(() => {});
    return 'fine';
  }
  @Transaction()
  async floatsInKnex(): Promise<string> {
    await note('before');
    void db('spot')
      .insert({ id: 'a', n: null })
      .then(
        () => {},
        () => {},
      );
    return 'fine';
  }
  @Transaction()
  async forgets(): Promise<string> {
    await note('before');
    void sql`insert into spot values ('a', 1)`;
    return 'fine';
  }
  @Transaction()
  async control(text: string): Promise<string> {
    await note('before');
    await db.raw(text);
    return 'fine';
  }
  @Transaction()
  async controlCaught(text: string): Promise<string> {
    await note('before');
    await db.raw(text).then(
      () => {},
      (error: unknown) => (seen = error),
    );
    await note('after');
    return 'fine';
  }
  @Transaction()
  async leavesCodeBehind(): Promise<string> {
    await note('before');
    leftBehind = gates
      .at('late')
      .then(() => sql`insert into spot values ('late', 1)`)
      .then(
        () => 'sent',
        (error: unknown) => error,
      );
    return 'fine';
  }
  @Transaction()
  async fails(): Promise<void> {
    await note('joined');
    throw new RangeError('joined function');
  }
  @Transaction()
  async catchesJoined(): Promise<string> {
    await note('before');
    await this.fails().catch(() => {});
    await note('after');
    return 'fine';
  }
  @Transaction()
  async fine(): Promise<string> {
    await note('fine');
    return 'fine';
  }
}

@Service()
class Flows {
  constructor(private readonly careless: Careless) {}
  @Workflow()
  async one(method: string, ...args: string[]): Promise<string> {
    return call(this.careless, method, args);
  }
  /** The flight that would commit is not the last: the body goes on. */
  @Workflow()
  async between(method: string, ...args: string[]): Promise<string> {
    await this.careless.fine();
    const caught = await call(this.careless, method, args).catch((error: Error & { code?: string }) => error.code ?? error.message);
    await this.careless.fine();
    return caught;
  }
}

function call(target: Careless, method: string, args: readonly string[]): Promise<string> {
  return (target as unknown as Record<string, (...a: string[]) => Promise<string>>)[method]?.(...args) ?? Promise.reject(new Error(`no ${method}`));
}

const controls = [
  'commit',
  'end',
  'abort',
  'rollback',
  'begin',
  'start transaction',
  `prepare transaction 'x'`,
  'commit and chain',
  '/* x */ commit',
  'commit; begin',
];

for (const isolation of ['serializable', 'repeatable read', 'read committed'] as const) {
  describe(`L1 at ${isolation}`, () => {
    let engine: Engine;
    before(async () => {
      engine = await Engine.start({ services: [Flows], isolation });
    });
    after(() => engine.close());
    beforeEach(() => engine.clear());
    // Whatever a test did: nothing without its record, and the pool is clean.
    afterEach(async () => {
      gates.reset();
      await engine.expectEffectsRecorded();
      expect(await engine.app.get(Careless).fine()).equal('fine');
    });

    const spots = async (): Promise<number> => Number((await engine.admin.query('select from spot')).rowCount);

    /** Directly, as the only step, and between two others: it fails with the code, and nothing of it is there. */
    async function rollsBack(code: string, method: string, ...args: string[]): Promise<void> {
      const { app } = engine;
      expect(await rejected(call(app.get(Careless), method, args)), 'direct').include({ code });
      expect(await rejected(app.get(Flows).one(method, ...args)), 'the only step').include({ code });
      expect(await engine.ledger(), 'nothing of it is there').deep.equal([]);
      const id = `${isolation}-${method}-${args.join('-')}`;
      expect(
        await app
          .start(Flows, { workflowId: id })
          .between(method, ...args)
          .result(),
        'between two steps',
      ).equal(code);
      expect(await engine.ledger(id)).deep.equal(['fine', 'fine']);
      const records = await engine.records(id);
      expect(
        records.map((r) => [r.step_id, r.error === null]),
        'its error is the record',
      ).deep.equal([
        ['0', true],
        ['1', false],
        ['2', true],
      ]);
      expect(await spots()).equal(0);
    }

    it('L1: a swallowed SQL error rolls back and is told', () => rollsBack('ROLLED_BACK', 'swallows'));

    it('L1: a query that was not awaited rolls back and is told, whatever becomes of it', async () => {
      for (let i = 0; i < 10; i++) expect(await rejected(engine.app.get(Careless).floats())).include({ code: 'FLOATING_QUERY' });
      await rollsBack('FLOATING_QUERY', 'floats');
    });

    it('L1: a query of Knex that was not awaited rolls back and is told', () => rollsBack('FLOATING_QUERY', 'floatsInKnex'));

    it('L1: a statement that was made and never sent rolls back and is told', () => rollsBack('FLOATING_QUERY', 'forgets'));

    it("L1: an SQL error caught in a savepoint is the code's own affair", async () => {
      expect(await engine.app.get(Careless).swallowsInSavepoint()).equal('fine');
      expect(await engine.app.get(Flows).one('swallowsInSavepoint')).equal('fine');
      expect(await engine.ledger()).deep.equal(['before', 'after', 'before', 'after']);
    });

    for (const text of controls) {
      it(`L1: \`${text}\` from user code is refused before it reaches the server`, async () => {
        expect(await rejected(engine.app.get(Careless).control(text))).include({ code: 'FORBIDDEN_CALL' });
        expect(await rejected(engine.app.get(Flows).one('control', text))).include({ code: 'FORBIDDEN_CALL' });
        expect(await engine.ledger()).deep.equal([]);
        // Caught, it changed nothing: effect and record come in one commit as ever.
        expect(await engine.app.get(Flows).one('controlCaught', text)).equal('fine');
        expect((seen as { code?: string }).code).equal('FORBIDDEN_CALL');
        expect(await engine.ledger()).deep.equal(['before', 'after']);
        const { rows } = await engine.admin.query('select count(distinct xid)::int as n from ledger');
        expect(rows[0]).deep.equal({ n: 1 });
      });
    }

    it('L1: transaction control in the dress of another statement is refused by the server and rolls back', async () => {
      for (const text of ['select 1; commit', `do $$ begin commit; end $$`]) {
        await rejected(engine.app.get(Careless).control(text));
        expect(await rejected(engine.app.get(Careless).controlCaught(text)), text)
          .to.have.property('code')
          .that.is.oneOf(['ROLLED_BACK', '25P02']);
      }
      expect(await engine.ledger()).deep.equal([]);
    });

    it('L1: code left behind by a transaction that is over sends nothing', async () => {
      gates.close('late');
      expect(await engine.app.get(Flows).one('leavesCodeBehind')).equal('fine');
      gates.open('late');
      expect(await leftBehind).to.include({ code: 'NO_TRANSACTION' });
      expect(await spots()).equal(0);
      expect(await engine.ledger()).deep.equal(['before']);
    });

    it('L1: a joined function that throws rolls all of it back, though its caller caught it', async () => {
      const { app } = engine;
      expect(await rejected(app.get(Careless).catchesJoined())).include({ name: 'RangeError', message: 'joined function' });
      expect(await rejected(app.get(Flows).one('catchesJoined'))).include({ name: 'RangeError', message: 'joined function' });
      expect(await engine.ledger()).deep.equal([]);
    });
  });
}

describe('L1 at the final flight', () => {
  it('L1: code left behind sends nothing while the final flight is under way', async () => {
    await using engine = await Engine.start({ services: [Flows] }, { proxied: true });
    gates.reset();
    gates.close('late');
    const held = engine.proxy.add({ on: 'request', is: (flight) => flight.statements.includes('commit'), fault: { kind: 'hold answer' } });
    const running = engine.app.get(Careless).leavesCodeBehind();
    const hit = await held.hit;
    expect(hit.answer.at(-1)).equal('COMMIT');
    gates.open('late');
    expect(await leftBehind).to.include({ code: 'NO_TRANSACTION' });
    held.release();
    expect(await running).equal('fine');
    expect(await engine.ledger()).deep.equal(['before']);
    expect((await engine.admin.query('select from spot')).rowCount).equal(0);
  });
});
