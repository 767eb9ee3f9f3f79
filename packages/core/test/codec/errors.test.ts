import { apiaryError, isApiaryError, NonRetryableError, RetryAfterError, ApiaryError } from '@apiary/decorators/internal';
import vm from 'node:vm';
import { expect } from 'chai';
import { expectSame, expectStorable, newCodec } from './support.js';

const { codec } = newCodec();

function through<T>(error: T): T {
  const text = codec.encodeError(error);
  expectStorable(text);
  return codec.decodeError(text) as T;
}
const fail = (): never => {
  throw new Error('trap');
};

class Unregistered extends Error {
  override name = 'Unregistered';
}
class Nameless extends Error {}
class FatalError extends NonRetryableError {}

describe('errors through the codec', () => {
  it('keep name, message, stack, code and own fields', () => {
    const error = Object.assign(new Error('no such file'), { code: 'ENOENT', errno: -2, at: new Date(5), list: [1, { a: 1n }] });
    const back = through(error);
    expect(back).instanceOf(Error);
    expect(back).not.equal(error);
    expect([back.name, back.message, back.stack, back.code, back.errno]).deep.equal(['Error', 'no such file', error.stack, 'ENOENT', -2]);
    expectSame(back.list, [1, { a: 1n }]);
    expectSame(back.at, new Date(5));
    expect(Object.keys(back)).not.include('stack');
    expect(Object.keys(back)).not.include('message');
  });

  it('are stored so that SQL can read name, message and code', () => {
    const text = codec.encodeError(Object.assign(new RangeError('out of range'), { code: 'E_RANGE', extra: new Map() }));
    expect(JSON.parse(text)).deep.include({ $apiary: 1, name: 'RangeError', message: 'out of range', code: 'E_RANGE' });
    expect(JSON.parse(codec.encodeError('plain text'))).deep.include({ $apiary: 1, message: 'plain text' });
  });

  it('of built-in classes come back as such', () => {
    for (const type of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]) {
      const back = through(new type('x'));
      expect(Object.getPrototypeOf(back)).equal(type.prototype);
      expect(Object.hasOwn(back, 'name')).equal(false);
    }
    const aggregate = through(new AggregateError([new TypeError('a'), 'b', undefined], 'all failed'));
    expect(aggregate).instanceOf(AggregateError);
    expect(aggregate.errors[0]).instanceOf(TypeError);
    expectSame(aggregate.errors.slice(1), ['b', undefined]);
    const abort = through(AbortSignal.abort().reason as DOMException);
    expect(abort).instanceOf(DOMException);
    expect([abort.name, abort.code]).deep.equal(['AbortError', 20]);
  });

  it('of unregistered classes come back as Error with their name, or that of their class', () => {
    const named = through(new Unregistered('x'));
    expect(Object.getPrototypeOf(named)).equal(Error.prototype);
    expect(named.name).equal('Unregistered');
    expect(through(new Nameless('x')).name).equal('Nameless');
    expect(through(Object.assign(new Error('x'), { name: 'Own' })).name).equal('Own');
  });

  it('of the catalogue are real ones again, with code and details, errors in them included', () => {
    const inner = Object.assign(new TypeError('inner'), { code: 'E1' });
    const error = through(
      apiaryError('RETRIES_EXHAUSTED', { attempts: 2, errors: [inner, new Unregistered('second')] }, { workflowId: 'w', stepId: '3', cause: inner }),
    );
    expect(error).instanceOf(ApiaryError);
    if (!isApiaryError(error, 'RETRIES_EXHAUSTED')) throw error;
    expect([error.workflowId, error.stepId, error.httpStatus, error.name]).deep.equal(['w', '3', 502, 'RetriesExhaustedError']);
    expect(error.details.attempts).equal(2);
    expect(error.details.errors[0]).instanceOf(TypeError);
    expect(error.details.errors[1]?.name).equal('Unregistered');
    expect(error.cause).equal(error.details.errors[0]);
    const deadline = through(apiaryError('DEADLINE', { deadline: new Date(7) }, { message: 'too late' }));
    expectSame(deadline.details, { deadline: new Date(7) });
    expect(deadline.message).equal('too late');
  });

  it('of a code that this release does not know stay errors of the catalogue', () => {
    const text = codec.encodeError(apiaryError('FENCED', { executorId: 'e' })).replaceAll('FENCED', 'OF_TOMORROW');
    const back = codec.decodeError(text);
    expect(isApiaryError(back)).equal(true);
    expect((back as { code: string }).code).equal('OF_TOMORROW');
  });

  it('that forbid a retry still do', () => {
    expect(through(new NonRetryableError('no'))).instanceOf(NonRetryableError);
    const fatal = through(new FatalError('no'));
    expect(fatal).instanceOf(NonRetryableError);
    const later = through(new RetryAfterError('busy', '3 seconds'));
    expect(later).instanceOf(RetryAfterError);
    expect(later.after).equal('3 seconds');
  });

  it('keep their causes, and may contain themselves', () => {
    const chain = through(new Error('a', { cause: new TypeError('b', { cause: 'c' }) }));
    expect(chain.cause).instanceOf(TypeError);
    expect((chain.cause as Error).cause).equal('c');
    const loop = new Error('loop');
    loop.cause = loop;
    const back = through(loop);
    expect(back.cause).equal(back);
    expect(back.message).equal('loop');
    const [a, b] = [new Error('a'), new Error('b')];
    a.cause = b;
    b.cause = a;
    const backA = through(a);
    expect((backA.cause as Error).cause).equal(backA);
    expect((backA.cause as Error).message).equal('b');
    const aggregate = new AggregateError([], 'own');
    aggregate.errors.push(aggregate);
    const backAggregate = through(aggregate);
    expect(backAggregate.errors[0]).equal(backAggregate);
  });

  it('keep 32 causes of a longer chain', () => {
    let error = new Error('0');
    for (let i = 1; i < 5000; i++) error = new Error(String(i), { cause: error });
    let length = 0;
    for (let e: unknown = through(error); e instanceof Error; e = e.cause) length++;
    expect(length).equal(32);
  });

  it('replace by text what cannot be recorded, and keep the rest', () => {
    const error = Object.assign(new Error('x'), {
      config: { transform: () => 1 },
      request: new Map([[1, Symbol('s')]]),
      kept: { a: 1 },
      run: function run() {},
      socket: Object.defineProperty({}, 'x', { get: fail, enumerable: true }),
    });
    const back = through(error) as unknown as Record<string, unknown>;
    expectSame(back['kept'], { a: 1 });
    expect(back['config']).equal('[object Object]');
    expect(back['request']).equal('[object Map]');
    expect(back['run']).match(/^function run/);
    expect(back['socket']).equal('[object Object]');
  });

  it('of another realm are errors', () => {
    const back = through(vm.runInNewContext('Object.assign(new TypeError("far"), { code: 1 })') as TypeError & { code: number });
    expect(back).instanceOf(TypeError);
    expect([back.message, back.code]).deep.equal(['far', 1]);
  });

  it('inside values are errors again', () => {
    const value = codec.copy({ failures: [new TypeError('a', { cause: 'b' })], at: new Date(0) }, 'result').value;
    expect(value.failures[0]).instanceOf(TypeError);
    expect(value.failures[0]?.cause).equal('b');
  });
});

describe('whatever is thrown', () => {
  it('comes back equal if it is data', () => {
    for (const thrown of [
      null,
      undefined,
      0,
      -0,
      Number.NaN,
      '',
      'text',
      'a\0\ud800',
      false,
      5n,
      [],
      {},
      { code: 1 },
      [new Date(0)],
      { $apiary: 1 },
      new Map([[1, 2]]),
    ])
      expectSame(through(thrown), thrown);
  });

  it('never makes the encoder throw', () => {
    const revoked = Proxy.revocable(new Error('x'), {});
    revoked.revoke();
    const hostile: unknown[] = [
      Symbol('s'),
      () => 1,
      class A {},
      Promise.resolve(1),
      new WeakMap(),
      globalThis,
      process,
      revoked.proxy,
      new Proxy(new Error('x'), { get: fail }),
      new Proxy(new Error('x'), { ownKeys: fail }),
      new Proxy(new Error('x'), { getPrototypeOf: fail }),
      new Proxy({}, { get: fail, ownKeys: fail, getPrototypeOf: fail, has: fail }),
      Object.freeze(new Error('frozen')),
      Object.create(null),
      Object.create(Error.prototype),
      Object.defineProperty(new Error('x'), 'message', { get: fail }),
      Object.defineProperty(new Error('x'), 'stack', { get: fail }),
      Object.defineProperty(new Error('x'), 'name', { get: fail }),
      Object.defineProperty(new Error('x'), 'code', { get: fail, enumerable: true }),
      Object.defineProperty(new Error('x'), 'cause', { get: fail }),
      Object.defineProperty(new Error('x'), 'constructor', { get: fail }),
      Object.assign(new Error('x'), { message: { toString: fail } }),
      Object.assign(new Error('x'), { message: undefined, name: null, stack: 5, code: Symbol('c') }),
      Object.assign(new Error('x'), { toString: fail, toJSON: fail }),
      new Error('x', { cause: { toString: fail, run() {} } }),
      new Error('x', { cause: Symbol('c') }),
      Object.assign(new AggregateError([]), { errors: fail }),
      { toString: fail, run() {} },
      Object.assign(new Error('x'), JSON.parse('{"__proto__":1}')),
      Object.setPrototypeOf(new Error('x'), null),
    ];
    for (const thrown of hostile) {
      const text = codec.encodeError(thrown);
      expectStorable(text);
      expect(codec.encodeError(codec.decodeError(text)).length).greaterThan(0);
    }
  });

  it('is cut to the limit, not refused', () => {
    const small = newCodec({ payload: 1024 }).codec;
    const large: unknown[] = [
      new Error('\0'.repeat(1_000_000)),
      Object.assign(new Error('fields'), { data: 'x'.repeat(5000) }),
      new Error('cause', { cause: new Error('y'.repeat(5000)) }),
      '\ud800'.repeat(5000),
      { a: 'z'.repeat(5000) },
      Object.assign(new TypeError('t'), { code: 'c'.repeat(5000) }),
      Object.assign(new Error('漢'.repeat(2000)), { stack: '漢'.repeat(2000), name: '漢'.repeat(2000) }),
      apiaryError('VALIDATION', { violations: [{ path: 'x', rule: 'r', message: 'm'.repeat(5000) }] }),
      new AggregateError(
        Array.from({ length: 100 }, () => new Error('each')),
        'many',
      ),
    ];
    for (const thrown of large) {
      const text = small.encodeError(thrown);
      expect(Buffer.byteLength(text)).most(1024);
      expectStorable(text);
      const back = small.decodeError(text);
      if (thrown instanceof Error) expect(Object.getPrototypeOf(back)).equal(Object.getPrototypeOf(thrown));
    }
    const cut = newCodec({ payload: 200_000 }).codec;
    const back = cut.decodeError(cut.encodeError(Object.assign(new Error('m'.repeat(300_000)), { code: 'E', keep: [1] }))) as Error & {
      code: string;
      keep: number[];
    };
    expect(back.message).match(/^m+\.\.\.$/);
    expect([back.code, back.keep]).deep.equal(['E', [1]]);
  });
});
