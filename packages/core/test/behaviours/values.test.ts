import { Communicator, Procedure, Serializable, Service, Transaction, Valid, Workflow, isApiaryError } from '@apiary/core';
import { IsDate, IsInt, IsOptional, IsPositive, IsString, ValidateNested } from 'class-validator';
import { Type } from 'class-transformer';
import { until } from '@apiary/testing/internal';
import { expect } from 'chai';
import { abandon } from '../support/abandon.js';
import { Engine, note, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
const bodies: unknown[] = [];

class Line {
  @IsString() sku!: string;
  @IsInt() @IsPositive() count!: number;
  get label(): string {
    return `${this.count} x ${this.sku}`;
  }
}
class Order {
  @IsDate() @Type(() => Date) at!: Date;
  @ValidateNested({ each: true }) @Type(() => Line) lines!: Line[];
  @IsOptional() @IsString() note?: string;
}
class Plain {
  constructor(readonly a: number) {}
}
@Serializable('OutOfStock')
class OutOfStock extends Error {
  override readonly name = 'OutOfStock';
  constructor(
    readonly sku: string,
    options?: ErrorOptions,
  ) {
    super(`no ${sku} left`, options);
  }
}
class Unknown extends Error {
  override readonly name = 'Unknown';
  readonly code = 'E_UNKNOWN';
  readonly extra = { when: new Date(0), tags: new Set(['a']) };
}

const revoked = Proxy.revocable({}, {});
revoked.revoke();
const refusing = (): never => {
  throw new Error('trap');
};
/** Thrown, and nothing can be asked of them. */
const illegible = {
  'a revoked proxy': revoked.proxy,
  'a proxy without a prototype': new Proxy({}, { getPrototypeOf: refusing }),
  'a proxy that refuses to be read': new Proxy({}, { get: refusing }),
  'no string': Object.create(null) as object,
};

@Service()
class Illegible {
  @Transaction()
  async transaction(what: keyof typeof illegible): Promise<void> {
    await note('effect');
    throw illegible[what];
  }
  @Procedure()
  procedure(what: keyof typeof illegible): never {
    throw illegible[what];
  }
  @Communicator({ retry: { maxAttempts: 2, initialInterval: 1 } })
  async communicator(what: keyof typeof illegible): Promise<void> {
    throw illegible[what];
  }
  @Workflow()
  async body(): Promise<void> {}
}

@Service()
class Values {
  constructor(private readonly illegible: Illegible) {}
  @Communicator()
  async echo(value: unknown): Promise<unknown> {
    return value;
  }
  @Transaction()
  async echoInTransaction(value: unknown): Promise<unknown> {
    await note('echo');
    return value;
  }
  @Transaction()
  async returns(what: 'function' | 'symbol' | 'deep'): Promise<unknown> {
    await note('effect');
    const unfit = { function: () => 1, symbol: Symbol('x'), deep: { list: [new Date(), { weak: new WeakMap() }] } } as const;
    return unfit[what] as unknown;
  }
  @Communicator({ retry: { maxAttempts: 1 } })
  async throws(kind: 'known' | 'unknown'): Promise<never> {
    throw kind === 'known' ? new OutOfStock('bolt', { cause: new Unknown('below') }) : new Unknown('as asked');
  }
  @Workflow()
  async through(value: unknown): Promise<unknown> {
    bodies.push(value);
    return [value, await this.echo(value), await this.echoInTransaction(value)];
  }
  @Workflow()
  async throwsAtAll(place: keyof Illegible, what: keyof typeof illegible): Promise<void> {
    if (place === 'body') throw illegible[what];
    await this.illegible[place](what);
  }
  @Workflow()
  async catches(kind: 'known' | 'unknown'): Promise<unknown> {
    let caught: unknown;
    try {
      await this.throws(kind);
    } catch (error) {
      caught = {
        registered: error instanceof OutOfStock,
        code: (error as { code?: string }).code,
        name: (error as Error).name,
        sku: (error as { sku?: string }).sku,
      };
    }
    bodies.push(caught);
    await gates.at('catches');
    return caught;
  }
  @Workflow()
  async place(order: Order, @Valid(() => Line) extra?: Line[]): Promise<string> {
    bodies.push([order instanceof Order, order.at instanceof Date, order.lines[0] instanceof Line, extra?.[0] instanceof Line]);
    await gates.at('place');
    return order.lines
      .concat(extra ?? [])
      .map((line) => line.label)
      .join(', ');
  }
}

const circular: Record<string, unknown> = { name: 'me' };
circular['self'] = circular;
const shared = { n: 1 };
const corpus: [string, unknown][] = [
  ['Date', new Date('2024-02-29T12:00:00.123Z')],
  ['Map', new Map<unknown, unknown>([[{ k: 1 }, new Set([1n])]])],
  ['Set', new Set(['a', new Date(0)])],
  ['BigInt', 2n ** 80n],
  ['RegExp', /a\/b/giu],
  ['Buffer', Buffer.from([0, 1, 255])],
  ['typed arrays', new Float64Array([1.5, Number.NaN])],
  ['undefined', { u: undefined, list: [undefined, , 3] }],
  ['odd numbers', [Number.NaN, Infinity, -Infinity, -0]],
  ['circular', circular],
  ['shared', [shared, shared]],
  ['NUL and lone surrogates', 'a\0b\ud800'],
  ['keys', { b: 1, a: 2, constructor: 'x' }],
  ['null', null],
  ['nothing', undefined],
  ['URL', new URL('https://example.org/?q=1')],
];

describe('behaviours of values', () => {
  let engine: Engine;
  before(async () => {
    engine = await Engine.start({ services: [Values] });
  });
  after(() => engine.close());
  beforeEach(async () => {
    gates.reset();
    bodies.length = 0;
    await engine.clear();
  });
  const rows = async (): Promise<number> =>
    Number((await engine.admin.query('select (select count(*) from apiary.workflow_status) + (select count(*) from apiary.function_status) as n')).rows[0].n);
  const order = { at: '2024-02-29T12:00:00.000Z', lines: [{ sku: 'bolt', count: 2 }] };

  for (const [name, value] of corpus) {
    it(`BEHAVIOUR 57: ${name} goes round: into the body, out of steps, to the caller, and the same from a replay`, async () => {
      const id = `b57-${name}`;
      const first = await engine.app.start(Values, { workflowId: id }).through(value).result();
      expect(first).deep.equal([value, value, value]);
      expect(bodies).deep.equal([value]);
      expect(await engine.app.start(Values, { workflowId: id }).through(value).result()).deep.equal(first);
      await abandon(engine, [id]);
      await until('it is replayed', async () => (await engine.row(id))?.status === 'SUCCESS');
      expect(bodies).deep.equal([value, value]);
      expect(await engine.app.handle(id).result()).deep.equal(first);
      expect(await engine.ledger(id)).deep.equal(['echo']);
    });
  }

  it('BEHAVIOUR 57: an unregistered class is a plain object, on the first run as in a replay', async () => {
    const first = (await engine.app.start(Values, { workflowId: 'b57-plain' }).through(new Plain(1)).result()) as unknown[];
    expect(first).deep.equal([{ a: 1 }, { a: 1 }, { a: 1 }]);
    expect([first, bodies].flat().map((v) => v instanceof Plain)).deep.equal([false, false, false, false]);
  });

  it('BEHAVIOUR 58: what the codec cannot take is refused before the effect, with its path, and nothing is stored', async () => {
    const before = await rows();
    const inputs: [unknown, string][] = [
      [() => 1, 'arguments[0]'],
      [{ deep: [Symbol('x')] }, 'arguments[0].deep[0]'],
      [new WeakSet(), 'arguments[0]'],
      [Promise.resolve(1), 'arguments[0]'],
    ];
    for (const [value, path] of inputs) {
      const error = await rejected(engine.app.start(Values, { workflowId: 'b58' }).through(value).result());
      if (!isApiaryError(error, 'NOT_RECORDABLE')) return expect.fail(String(error));
      expect(error.details.path).equal(path);
    }
    expect(await rows()).equal(before);
    for (const [what, path] of [
      ['function', 'result'],
      ['symbol', 'result'],
      ['deep', 'result.list[1].weak'],
    ] as const) {
      const error = await rejected(engine.app.get(Values).returns(what));
      expect([error.code, error.details?.['path']]).deep.equal(['NOT_RECORDABLE', path]);
    }
    expect(await engine.ledger(), 'no effect without its record').deep.equal([]);
  });

  it('BEHAVIOUR 58: a value of a codec version that nobody knows is a clear error, and breaks no list', async () => {
    await engine.app.start(Values, { workflowId: 'b58-version' }).echo('x').result();
    await engine.admin.query(`update apiary.workflow_status set output = '{"$apiary":99,"d":["x"]}' where workflow_id = 'b58-version'`);
    const error = await rejected(engine.app.handle('b58-version').result());
    expect(error.message)
      .contain('99')
      .match(/version|format/i);
    expect((await engine.app.list({ workflowId: 'b58-version' })).items.length).equal(1);
    const info = await engine.app.handle('b58-version').info();
    expect(info.status === 'SUCCESS' && info.output).instanceOf(Error);
  });

  it('BEHAVIOUR 59: bad arguments are rejected before the body, directly and by start, with every path and rule, and nothing is stored', async () => {
    const before = await rows();
    const bad = { at: 'never', lines: [{ sku: 1, count: -1 }], more: true } as never;
    for (const call of [
      () => engine.app.get(Values).place(bad),
      () => engine.app.start(Values, { workflowId: 'b59' }).place(bad).result(),
      () =>
        engine.app
          .start(Values)
          .place(bad)
          .then((h) => h.result()),
    ]) {
      const error = await rejected(call());
      if (!isApiaryError(error, 'VALIDATION')) return expect.fail(String(error));
      expect(error.details.violations.map((v) => `${v.path} ${v.rule}`).sort()).deep.equal([
        'order.at isDate',
        'order.lines.0.count isPositive',
        'order.lines.0.sku isString',
        'order.more whitelistValidation',
      ]);
    }
    expect([await rows(), bodies]).deep.equal([before, []]);
  });

  it('BEHAVIOUR 59: arguments are instances of their classes, with coercions, first and after a recovery', async () => {
    gates.close('place');
    const handle = await engine.app.start(Values, { workflowId: 'b59-order' }).place(order as never, [{ sku: 'nut', count: 3 }] as never);
    await gates.reached('place');
    await abandon(engine, ['b59-order']);
    await gates.reached('place', 2);
    gates.open('place');
    expect(await handle.result()).equal('2 x bolt, 3 x nut');
    expect(bodies).deep.equal([
      [true, true, true, true],
      [true, true, true, true],
    ]);
  });

  it('BEHAVIOUR 60: errors keep name, message, stack, code, cause and own fields; a registered class keeps instanceof too', async () => {
    for (const round of ['first', 'stored']) {
      const known = await rejected(engine.app.start(Values, { workflowId: 'b60-known' }).throws('known').result());
      expect(known, round).instanceOf(OutOfStock).include({ name: 'OutOfStock', message: 'no bolt left', sku: 'bolt' });
      expect(known.cause, round).include({ name: 'Unknown', message: 'below', code: 'E_UNKNOWN' });
      const unknown = (await rejected(engine.app.start(Values, { workflowId: 'b60-unknown' }).throws('unknown').result())) as Unknown;
      expect(unknown, round).instanceOf(Error).include({ name: 'Unknown', message: 'as asked', code: 'E_UNKNOWN' });
      expect(unknown, 'use codes').not.instanceOf(Unknown);
      expect(unknown.extra).deep.equal({ when: new Date(0), tags: new Set(['a']) });
      expect(unknown.stack).contain('Values.throws');
    }
  });

  it('BEHAVIOUR 60: what a body catches is the same at first and in a replay', async () => {
    for (const kind of ['known', 'unknown'] as const) {
      bodies.length = 0;
      gates.reset();
      gates.close('catches');
      const id = `b60-caught-${kind}`;
      const handle = await engine.app.start(Values, { workflowId: id }).catches(kind);
      await gates.reached('catches');
      await until('the record is durable', async () => (await engine.records(id)).length === 1);
      await abandon(engine, [id]);
      await gates.reached('catches', 2);
      gates.open('catches');
      await handle.result();
      const seen =
        kind === 'known'
          ? { registered: true, code: undefined, name: 'OutOfStock', sku: 'bolt' }
          : { registered: false, code: 'E_UNKNOWN', name: 'Unknown', sku: undefined };
      expect(bodies).deep.equal([seen, seen]);
    }
  });

  it('BEHAVIOUR 60: whatever is thrown ends the workflow, also what throws when it is looked at', async () => {
    for (const what of Object.keys(illegible) as (keyof typeof illegible)[]) {
      for (const place of ['body', 'transaction', 'procedure', 'communicator'] as const) {
        const workflowId = `b60 ${what} ${place}`;
        const told = await engine.app
          .start(Values, { workflowId })
          .throwsAtAll(place, what)
          .result({ timeout: '10 seconds' })
          .then(
            () => 'it returned',
            (error: unknown) => (isApiaryError(error, 'WAIT_TIMEOUT') ? 'it is stuck' : 'it failed'),
          );
        expect([told, (await engine.row(workflowId))?.status], workflowId).deep.equal(['it failed', 'ERROR']);
      }
    }
    expect(await engine.ledger()).deep.equal([]);
  });
});
