import { Communicator, NonRetryableError, Procedure, Serializable, Service, Transaction, Workflow, sql, workflowId } from '@apiary/core';
import { runningOf } from '@apiary/core/internal';
import { crash } from '@apiary/testing/internal';
import { expect } from 'chai';
import { inspect } from 'node:util';
import { Engine, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
/** What the bodies saw, a list a run. */
let seen: string[] = [];

@Serializable('Money')
class Money {
  constructor(
    readonly cents: number,
    readonly currency: string,
  ) {}
}
class NotRegistered {
  secret = 1;
  hidden(): number {
    return this.secret;
  }
}
class OwnError extends Error {
  override readonly name = 'OwnError';
  constructor(
    message: string,
    readonly extra: unknown,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const cycle: { self?: unknown; list: unknown[] } = { list: [] };
cycle.self = cycle;
cycle.list.push(cycle);
const shared = { n: 1 };

/** Values that a sloppy codec changes. */
const values: Record<string, () => unknown> = {
  undefined: () => undefined,
  null: () => null,
  'negative zero': () => -0,
  'not a number': () => Number.NaN,
  infinite: () => -Infinity,
  bigint: () => 2n ** 70n,
  date: () => new Date(86_400_001),
  'no date': () => new Date(Number.NaN),
  map: () => new Map<unknown, unknown>([[{ k: 1 }, new Set([1, undefined])]]),
  bytes: () => new Uint8Array([0, 255, 3]),
  'undefined fields': () => ({ a: undefined, b: [undefined, null] }),
  holes: () => [1, , 3],
  cycle: () => cycle,
  twice: () => ({ a: shared, b: shared }),
  money: () => new Money(5, 'EUR'),
  text: () => 'a\u0000b\ud83d\ude00\u2028',
  'proto key': () => JSON.parse('{"__proto__":{"x":1},"constructor":2}') as unknown,
  'key order': () => ({ z: 1, a: 2, 10: 3, 9: 4 }),
  regexp: () => /a+/giu,
  error: () => new OwnError('as a value', { at: new Date(5) }),
  function: () => () => 1,
  symbol: () => Symbol('x'),
  'not registered': () => new NotRegistered(),
};
const errors: Record<string, () => unknown> = {
  own: () => new OwnError('mine', { list: [1n, undefined] }, { cause: new RangeError('inner', { cause: 'text' }) }),
  code: () => Object.assign(new TypeError('with code'), { code: 'E_OWN', when: new Date(7) }),
  aggregate: () => new AggregateError([new Error('one'), 'two'], 'several'),
  text: () => 'just a text',
  undefined: () => undefined,
  object: () => ({ thrown: true }),
  null: () => null,
  'never retried': () => new NonRetryableError('no'),
  'with a function': () => Object.assign(new Error('unrecordable field'), { callback: () => 1 }),
};

@Service()
class Steps {
  @Transaction()
  async value(name: string): Promise<unknown> {
    await note(name);
    return values[name]?.();
  }
  @Transaction({ readOnly: true })
  async reads(name: string): Promise<unknown> {
    await sql`select 1`;
    return values[name]?.();
  }
  @Communicator()
  async calls(name: string): Promise<unknown> {
    return values[name]?.();
  }
  @Transaction()
  async rows(): Promise<unknown> {
    return sql`select 1::int as i, 2::bigint as b, 3.5::numeric as n, now()::timestamptz(0) as t, null as nothing, array[1,2] as list, '{"a":1}'::jsonb as j, '\\x00ff'::bytea as bytes, 'NaN'::float8 as nan`;
  }
  @Procedure()
  flown() {
    return sql`select 1::int as i, 2::bigint as b, 3.5::numeric as n, timestamptz '2020-01-02 03:04:05+00' as t, null as nothing, array[1,2] as list, '{"a":1}'::jsonb as j`;
  }
  @Procedure()
  flownOne(label: string) {
    return sql<{ step: string }>`insert into ledger (workflow_id, step) values (${workflowId()}, ${label}) returning step`.one();
  }
  @Procedure()
  flownNone() {
    return sql`insert into ledger (workflow_id, step) values (${workflowId()}, 'none')`;
  }
  @Procedure()
  flownCount() {
    return sql`insert into ledger (workflow_id, step) select ${workflowId()}, 'count' from generate_series(1, 3)`.count();
  }
  @Procedure()
  flownMaybe() {
    return sql`select 1 as x where false`.maybe();
  }
  @Procedure()
  flownWrong() {
    return sql`insert into ledger (workflow_id, step) values (${workflowId()}, 'a'), (${workflowId()}, 'b') returning step`.one();
  }
  @Transaction()
  async throws(name: string): Promise<never> {
    await note(name);
    throw errors[name]?.();
  }
  @Communicator({ retry: { maxAttempts: 1 } })
  async callThrows(name: string): Promise<never> {
    throw errors[name]?.();
  }
  @Transaction()
  async sqlError(): Promise<void> {
    await sql`select 1 / 0`;
  }
  @Transaction()
  async big(bytes: number): Promise<string> {
    await note('big');
    return 'x'.repeat(bytes);
  }
  @Procedure()
  bigFlown(bytes: number) {
    return sql.batch(sql`insert into ledger (workflow_id, step) values (${workflowId()}, 'big')`, sql`select repeat('x', ${bytes}::int) as x`);
  }
  @Transaction()
  async mutates(list: number[]): Promise<number[]> {
    list.push(list.length);
    await sql`select fail_first(1, '40001')`;
    return list;
  }
}

const procedures = ['flown', 'flownNone', 'flownCount', 'flownMaybe', 'flownWrong', 'rows', 'sqlError'] as const;

@Service()
class Flows {
  constructor(private readonly steps: Steps) {}
  @Workflow()
  async all(): Promise<void> {
    const line = (what: string, value: unknown): void => void seen.push(`${what}: ${show(value)}`);
    const outcome = async (what: string, call: () => Promise<unknown>): Promise<void> => {
      try {
        line(what, await call());
      } catch (error) {
        line(`${what} throws`, error);
      }
    };
    for (const name of Object.keys(values)) {
      await outcome(`value ${name}`, () => this.steps.value(name));
      await outcome(`reads ${name}`, () => this.steps.reads(name));
      await outcome(`calls ${name}`, () => this.steps.calls(name));
      await outcome(`child ${name}`, () => this.child(name));
    }
    for (const name of Object.keys(errors)) {
      await outcome(`throws ${name}`, () => this.steps.throws(name));
      await outcome(`call throws ${name}`, () => this.steps.callThrows(name));
      await outcome(`child throws ${name}`, () => this.childThrows(name));
    }
    for (const name of procedures) await outcome(name, async () => this.steps[name]());
    await outcome('one', async () => this.steps.flownOne('one'));
    await gates.at('crash here');
  }
  @Workflow()
  async child(name: string): Promise<unknown> {
    return values[name]?.();
  }
  @Workflow()
  async childThrows(name: string): Promise<never> {
    throw errors[name]?.();
  }
  /** What it gives and gets must not be shared with anybody. */
  @Workflow()
  async shares(list: number[]): Promise<number[]> {
    const given = [1, 2];
    const pending = this.steps.mutates(given);
    given.push(99);
    const got = await pending;
    list.push(...got, given.length);
    return list;
  }
}

function show(value: unknown): string {
  const shown = inspect(value, { depth: 10, showHidden: false, sorted: false, breakLength: Infinity, compact: true });
  // Stacks differ in the lines of this file only.
  return value instanceof Error
    ? `${value.constructor.name} ${value.name} ${value.message} ${inspect({ ...value }, { depth: 5 })} cause ${inspect(value.cause)?.split('\n')[0]}`
    : shown;
}

describe('L6: what a caller receives the first time equals what a replay gives', () => {
  beforeEach(() => {
    gates.reset();
    seen = [];
  });

  it('L6: for values and errors of every kind of step, and for procedures', async () => {
    await using engine = await Engine.start({ services: [Flows], lease: '400 ms', poll: '50 ms', retry: { maxAttempts: 1 } });
    gates.close('crash here');
    await engine.app.start(Flows, { workflowId: 'all' }).all();
    await gates.reached('crash here');
    const first = seen;
    seen = [];
    const { executor } = runningOf(engine.app);
    for (const run of executor.lifecycle.running) await executor.barrier.flush(run);
    const ledger = await engine.ledger();
    await crash(engine.app);
    gates.reset();
    const second = await engine.another();
    await second.handle('all').result();
    expect(seen.length).equal(first.length);
    for (const [i, line] of first.entries()) expect(seen[i]).equal(line);
    expect(await engine.ledger(), 'nothing ran again').deep.equal(ledger);
    expect(first)
      .include('value negative zero: -0')
      .and.include('value undefined: undefined')
      .and.include('value not a number: NaN')
      .and.include('flownCount: 3')
      .and.include('flownMaybe: undefined');
    expect(
      first.filter((l) => l.startsWith('value money')),
      'a registered class',
    ).deep.equal(["value money: Money { cents: 5, currency: 'EUR' }"]);
    expect(first.filter((l) => l.startsWith('flownWrong'))[0]).match(/ROW_COUNT/);
  });

  it('L6: for direct calls: the value of the call is the value of the handle, in another process too', async () => {
    await using engine = await Engine.start({ services: [Flows], retry: { maxAttempts: 1 } });
    const second = await engine.another();
    const last = async (): Promise<string> =>
      (await engine.admin.query<{ id: string }>('select workflow_id as id from apiary.workflow_status order by created_at desc limit 1')).rows[0]?.id ?? '';
    const settled = (promise: Promise<unknown>): Promise<string> => promise.then(show, (error: unknown) => `throws ${show(error)}`);
    const steps = engine.app.get(Steps);
    const calls: (readonly [string, () => Promise<unknown>])[] = [
      ...Object.keys(values).flatMap((name) => [
        [`value ${name}`, () => steps.value(name)] as const,
        [`reads ${name}`, () => steps.reads(name)] as const,
        [`calls ${name}`, () => steps.calls(name)] as const,
      ]),
      ...Object.keys(errors).flatMap((name) => [
        [`throws ${name}`, () => steps.throws(name)] as const,
        [`call throws ${name}`, () => steps.callThrows(name)] as const,
      ]),
      ...procedures.map((name) => [name, async () => steps[name]()] as const),
    ];
    for (const [what, call] of calls) {
      const direct = await settled(call());
      await engine.app.list({ limit: 1 }); // what was only read has its row by then
      expect(await settled(second.handle(await last()).result()), what).equal(direct);
    }
  });

  it('L6: nothing is shared between caller, function and retry', async () => {
    await using engine = await Engine.start({ services: [Flows] });
    const mine = [7];
    expect(await engine.app.get(Flows).shares(mine)).deep.equal([7, 1, 2, 2, 3]);
    expect(mine, "the caller's own array").deep.equal([7]);
  });
});

describe('L6: refused before the effect', () => {
  let engine: Engine;
  before(async () => {
    engine = await Engine.start({ services: [Flows], limits: { payload: 10_000, payloadWarning: 10_000 } });
  });
  after(() => engine.close());
  beforeEach(async () => {
    await engine.clear();
    gates.reset();
    seen = [];
  });
  afterEach(() => engine.expectEffectsRecorded());

  for (const name of ['function', 'symbol']) {
    it(`L6: a result that cannot be recorded (${name}): the transaction rolls back`, async () => {
      expect(await rejected(engine.app.get(Steps).value(name))).include({ code: 'NOT_RECORDABLE' });
      expect(await engine.ledger()).deep.equal([]);
    });
  }

  it('L6: a result that is too large: the transaction rolls back', async () => {
    expect(await rejected(engine.app.get(Steps).big(20_000))).include({ code: 'PAYLOAD_TOO_LARGE' });
    expect(await engine.ledger()).deep.equal([]);
    expect((await engine.app.get(Steps).big(9_000)).length).equal(9_000);
    expect(await engine.ledger()).deep.equal(['big']);
  });

  it("L6, INTERLEAVING 24: a @Procedure's result that is too large is refused inside its statement: no effect", async () => {
    const error = await rejected(Promise.resolve(engine.app.get(Steps).bigFlown(20_000)));
    expect(error).include({ code: 'PAYLOAD_TOO_LARGE' });
    expect(error.details).include({ limit: 10_000 });
    expect(await engine.ledger()).deep.equal([]);
    await engine.app.get(Steps).bigFlown(9_000);
    expect(await engine.ledger()).deep.equal(['big']);
  });

  it('L6: a @Procedure that gives another number of rows than it says is refused inside its statement: no effect', async () => {
    expect(await rejected(Promise.resolve(engine.app.get(Steps).flownWrong()))).include({ code: 'ROW_COUNT' });
    expect(await engine.ledger()).deep.equal([]);
  });

  it('L6: arguments that cannot be recorded are refused before anything is stored', async () => {
    const before = (await engine.admin.query('select from apiary.workflow_status')).rowCount;
    expect(await rejected(engine.app.get(Steps).value((() => 1) as unknown as string))).include({ code: 'NOT_RECORDABLE' });
    expect(await rejected(engine.app.get(Steps).value('x'.repeat(20_000)))).include({ code: 'PAYLOAD_TOO_LARGE' });
    expect((await engine.admin.query('select from apiary.workflow_status')).rowCount).equal(before);
    expect(await engine.ledger()).deep.equal([]);
  });
});
