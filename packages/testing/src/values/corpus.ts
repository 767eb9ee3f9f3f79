/* oxlint-disable no-sparse-arrays, no-new-array */
/** Hand-made JavaScript values: what has to come back as it was, and what has to be refused. */
import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import vm from 'node:vm';

const shared = { a: 1 };
const cycle: Record<string, unknown> = { name: 'cycle' };
cycle['self'] = cycle;
const mutualA: Record<string, unknown> = {};
const mutualB = { a: mutualA };
mutualA['b'] = mutualB;
const cyclicList: unknown[] = [1];
cyclicList.push(cyclicList);
const cyclicMap = new Map<unknown, unknown>();
cyclicMap.set('me', cyclicMap).set(cyclicMap, 'key');
const cyclicSet = new Set<unknown>([1]);
cyclicSet.add(cyclicSet);
const sparse: unknown[] = [];
sparse[70_000] = 'far';
const long: unknown[] = [];
long.length = 4_000_000_000;
const nullPrototype = Object.assign(Object.create(null) as Record<string, unknown>, { a: 1, constructor: 'mine', toString: 'mine' });
const pooled = Buffer.from('secret neighbour, then: visible').subarray(24);
const wide = new Float64Array([1, 2, Number.NaN, -0]);
const nested = (levels: number): unknown => Array.from({ length: levels }).reduce<unknown>((inner) => ({ inner }), 'bottom');

export const texts: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\u0001\u001f',
  '\u007f\u0080',
  '\ufeffbom',
  '\u202eright to left',
  'zero\u200bwidth',
  '\ud800',
  '\udfff',
  'a\ud83d',
  '\udc00\ud800',
  '😀',
  '👩‍👩‍👧‍👦',
  'é',
  'é',
  '\u2028\u2029',
  '<script>',
  "';--",
  '"',
  '\\',
  '%_\\',
  '$1',
  '?',
  '??',
  ':name',
  '`',
  '\r\n',
  '\t',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '0',
  '-0',
  '1e400',
  'NaN',
  'null',
  'undefined',
  '{}',
  '[]',
  '{"$apiary":1,"d":[]}',
  '$apiary',
  '2020-01-01T00:00:00.000Z',
  '${x}',
  '{{x}}',
  '../..',
  'x'.repeat(65_536),
  '\0'.repeat(1000),
  '\ud800'.repeat(1000),
  '😀'.repeat(1000),
];

export const numbers: readonly number[] = [
  0,
  -0,
  1,
  -1,
  0.1 + 0.2,
  1e21,
  1e-7,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
  2 ** 63,
  5e-324,
  Number.MAX_VALUE,
  Number.EPSILON,
  Number.NaN,
  Infinity,
  -Infinity,
];

/** Plain: stored as their own JSON. */
export const plain: readonly unknown[] = [
  null,
  true,
  false,
  {},
  [],
  [[]],
  [null],
  { a: 1 },
  { a: { b: [1, 'x', null, true] } },
  { constructor: 'mine' },
  { toString: 1, valueOf: 2, hasOwnProperty: 3 },
  { '': 0 },
  { 'a b': 1, '1': 2 },
  { x: { $apiary: 1, d: [] } },
  [{ $apiary: 1, d: [] }],
  Object.freeze({ frozen: Object.freeze([1]) }),
  nested(900),
  ...texts,
  ...texts.filter((t) => t !== '__proto__' && t !== '$apiary').map((t) => ({ [t]: t })),
  { then: 'text' },
];

/** Richer than JSON. */
export const rich: readonly unknown[] = [
  [undefined],
  { u: undefined },
  ...numbers.filter((n) => !Number.isFinite(n) || Object.is(n, -0)),
  { n: Number.NaN },
  [-0],
  0n,
  10n ** 40n,
  -1n,
  [1n],
  new Date(0),
  new Date(-1),
  new Date(8.64e15),
  { at: new Date(1) },
  /a/gi,
  /[/]"\\\0/dgimsuy,
  new URL('https://user@host:1/path?q=1#h'),
  new URLSearchParams('a=1&a=2'),
  new Map(),
  new Map([['a', 1]]),
  new Map<unknown, unknown>([
    [{ k: 1 }, [1]],
    [null, undefined],
    [Number.NaN, -0],
    [new Date(0), new Map()],
  ]),
  new Set(),
  new Set([1, '1', null, undefined, Number.NaN]),
  new Set([{ a: 1 }, [2]]),
  Buffer.alloc(0),
  Buffer.from('bytes'),
  pooled,
  { b: Buffer.from([0, 255]) },
  new Uint8Array(0),
  new Uint8Array([1, 2, 3]),
  new Uint8Array([1, 2, 3, 4]).subarray(1, 3),
  new Uint8ClampedArray([255]),
  new Int8Array([-1]),
  new Int16Array([-1]),
  new Uint16Array([65_535]),
  new Int32Array([-1]),
  new Uint32Array([2 ** 32 - 1]),
  new Float32Array([0.5, Number.NaN]),
  wide,
  wide.subarray(1),
  new BigInt64Array([-1n]),
  new BigUint64Array([1n]),
  new ArrayBuffer(0),
  new Uint8Array([1, 2]).buffer,
  new DataView(new ArrayBuffer(3)),
  new DataView(new Uint8Array([1, 2, 3]).buffer, 1),
  [, 1],
  [1, , 2, ,],
  new Array(3),
  sparse,
  long,
  [undefined, , null],
  nullPrototype,
  { o: nullPrototype },
  [shared, shared],
  { a: shared, b: { c: shared } },
  cycle,
  mutualA,
  cyclicList,
  cyclicMap,
  cyclicSet,
  [cyclicList, cyclicMap],
  Object(1),
  Object('text'),
  Object(false),
  Object(1n),
  { $apiary: 1 },
  { $apiary: 1, d: [['Date', 0]] },
  { $apiary: 2 },
  { $apiary: undefined },
  { $apiary: { $apiary: 1 } },
  { d: 1, $apiary: 'x' },
  [new Map([['deep', [{ at: new Date(5), big: 1n }]]])],
  { a: [nested(500)], at: new Date(1) },
];

function* generator(): Generator<number> {
  yield 1;
}
class HasStreams {
  readonly body = Readable.from(['x']);
}
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const hostile = (traps: ProxyHandler<object>): object => new Proxy({}, traps);
const fail = (): never => {
  throw new Error('trap');
};

/** Value, the path of what is refused in it, and a word of what was found there. */
export const refused: readonly (readonly [unknown, string, RegExp])[] = [
  [() => 1, 'result', /a function/],
  [class A {}, 'result', /a class/],
  [Symbol('s'), 'result', /a symbol/],
  [{ items: [1, 2, 3, { run() {} }] }, 'result.items[3].run', /a function/],
  [{ 'odd key': Symbol.iterator }, 'result["odd key"]', /a symbol/],
  [Object(Symbol('boxed')), 'result', /Symbol/],
  [{ [Symbol('key')]: 1 }, 'result', /symbol as key/],
  [{ at: new Date(0), in: { [Symbol('key')]: 1 } }, 'result.in', /symbol as key/],
  [Promise.resolve(1), 'result', /a promise/],
  [{ a: { then() {} } }, 'result.a.then', /a function/],
  [
    new (class Thenable {
      then(): void {}
    })(),
    'result',
    /a promise/,
  ],
  [new WeakMap(), 'result', /a WeakMap/],
  [new WeakSet(), 'result', /a WeakSet/],
  [new WeakRef({}), 'result', /WeakRef/],
  [generator(), 'result', /a generator/],
  [[1, 2][Symbol.iterator](), 'result', /an iterator/],
  [new Map([['stream', Readable.from(['x'])]]), 'result.get("stream")', /a stream/],
  [new HasStreams(), 'result.body', /a stream/],
  [new ReadableStream(), 'result', /a stream/],
  [new Response('x'), 'result', /a response/],
  [new Request('http://localhost'), 'result', /a response/],
  [new Blob(['x']), 'result', /a response/],
  [new Headers(), 'result', /Headers/],
  [new FormData(), 'result', /FormData/],
  [new AbortController(), 'result', /AbortController/],
  [{ signal: AbortSignal.abort() }, 'result.signal', /AbortSignal/],
  [new Intl.NumberFormat(), 'result', /NumberFormat/],
  [new SharedArrayBuffer(1), 'result', /shared memory/],
  [new EventEmitter().on('x', () => {}), 'result._events.x', /a function/],
  [new Set([1, () => 1]), 'result[1]', /a function/],
  [{ kept: [Object.assign(new Error('x'), { deep: { er: { run() {} } } })], run() {} }, 'result.run', /a function/],
  [new Map([[() => 1, 1]]), 'result.keys()[0]', /a function/],
  [JSON.parse('{"__proto__":{"polluted":true}}'), 'result', /__proto__/],
  [JSON.parse('{"a":[{"__proto__":{"polluted":true}}]}'), 'result.a[0]', /__proto__/],
  [{ at: new Date(0), data: JSON.parse('{"__proto__":null}') as unknown }, 'result.data', /__proto__/],
  [
    {
      get a(): never {
        throw new Error('getter');
      },
    },
    'result',
    /throws when it is read/,
  ],
  [
    {
      a: {
        b: {
          get c(): never {
            throw new Error('getter');
          },
        },
      },
    },
    'result.a.b',
    /throws when it is read/,
  ],
  [revoked.proxy, 'result', /throws when it is read/],
  [[{ p: revoked.proxy }], 'result[0].p', /throws when it is read/],
  [hostile({ getPrototypeOf: fail }), 'result', /throws when it is read/],
  [hostile({ ownKeys: fail }), 'result', /throws when it is read/],
  [
    { a: hostile({ ownKeys: () => ['x'], getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }), get: fail }) },
    'result.a',
    /throws when it is read/,
  ],
  [new Proxy(new Map(), {}), 'result', /a Proxy/],
  [new Proxy(() => 1, {}), 'result', /a function/],
  [nested(1001), 'result', /deeper than 1000/],
  [{ at: new Date(0), deep: nested(1001) }, 'result', /deeper than 1000/],
  [vm.runInNewContext('() => 1'), 'result', /a function/],
  [globalThis, 'result', /./],
];

/** Equal to what comes back, though made in another realm or behind a proxy. */
export const translated: readonly (readonly [unknown, unknown])[] = [
  [vm.runInNewContext('({ a: [1, { b: 2 }] })'), { a: [1, { b: 2 }] }],
  [vm.runInNewContext('new Date(5)'), new Date(5)],
  [vm.runInNewContext('new Map([[1, new Set([2])]])'), new Map([[1, new Set([2])]])],
  [vm.runInNewContext('/x/g'), /x/g],
  [vm.runInNewContext('new Uint8Array([1])'), new Uint8Array([1])],
  [new Proxy({ a: 1 }, {}), { a: 1 }],
  [new Proxy([1, 2], {}), [1, 2]],
  [new (class Sub extends Map<number, number> {})([[1, 2]]), new Map([[1, 2]])],
  [new (class Sub extends Set<number> {})([1]), new Set([1])],
  [new (class Sub extends Date {})(7), new Date(7)],
  [new (class Sub extends Array<number> {})(1, 2, 3), [1, 2, 3]],
  [Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } }), { own: 2 }],
  [Object.defineProperty({ a: 1 }, 'hidden', { value: 2 }), { a: 1 }],
  [
    (function () {
      return arguments;
    })(),
    {},
  ],
  [
    {
      get computed(): number {
        return 5;
      },
    },
    { computed: 5 },
  ],
  [Object.assign([1], { extra: 2 }), [1]],
];
