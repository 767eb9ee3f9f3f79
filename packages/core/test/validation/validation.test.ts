import { Service, Valid, Workflow, Transaction } from '@apiary/decorators/internal';
import { validateArguments, instantiate } from '@apiary/core/internal';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsDate,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsPositive,
  IsString,
  IsUUID,
  MaxLength,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { expect } from 'chai';
import { expectSame } from '../codec/support.js';
import { broken, functionOf, violationsOf } from './support.js';

class Address {
  @IsString() city!: string;
  @IsOptional() @IsString() street?: string;
}
class Line {
  @IsString() @MaxLength(5) sku!: string;
  @IsInt() @IsPositive() count!: number;
}
class Order {
  @IsUUID() id!: string;
  @IsNumber() total!: number;
  @IsOptional() @IsIn(['low', 'high']) urgency?: string;
  @ValidateNested() address!: Address;
  @IsOptional() @ValidateNested() invoice?: Address;
  @IsArray() @ArrayMaxSize(3) @ValidateNested({ each: true }) @Type(() => Line) lines!: Line[];
  @IsOptional() @IsString({ each: true }) tags?: string[];
  @IsOptional() @IsInt({ each: true }) codes?: unknown;
  @IsOptional() @IsDate() at?: Date;
  @IsOptional() @IsObject() free?: Record<string, unknown>;
  @ValidateIf((order: Order) => order.urgency === 'high') @IsString() reason?: string;
  undecorated?: string;
}

@Service()
class Shop {
  @Workflow() async place(request: Order, note?: string): Promise<unknown> {
    return [request, note];
  }
  @Workflow() async lines(@Valid(() => Line) lines: Line[]): Promise<unknown> {
    return lines;
  }
  @Workflow() async maybe(@Valid(() => Line) line: Line | null): Promise<unknown> {
    return line;
  }
  @Workflow() async optional(line?: Line): Promise<unknown> {
    return line;
  }
  @Transaction() async two(first: Line, plain: number, second: Line): Promise<unknown> {
    return [first, plain, second];
  }
  @Workflow() async free(anything: unknown, text: string): Promise<unknown> {
    return [anything, text];
  }
}

const id = '6f1e2a3b-1234-4abc-8def-0123456789ab';
const order = (change: object = {}): object => ({ id, total: 5, address: { city: 'Bonn' }, lines: [{ sku: 'tea', count: 1 }], ...change });
const place = functionOf(Shop, 'place');

describe('arguments of declared classes', () => {
  it('become instances, nested ones too', () => {
    const given = order({ invoice: { city: 'Köln' }, tags: ['a'], at: new Date(5) });
    const [request, note] = validateArguments(place, [given, 'note']) as [Order, string];
    expect(request).instanceOf(Order);
    expect(request.address).instanceOf(Address);
    expect(request.invoice).instanceOf(Address);
    expect(request.lines[0]).instanceOf(Line);
    expectSame([request.at, request.tags, note], [new Date(5), ['a'], 'note']);
    expect(given).deep.equal(order({ invoice: { city: 'Köln' }, tags: ['a'], at: new Date(5) }));
    expect(request).not.equal(given);
  });

  it('may be instances already, and are checked all the same', () => {
    const made = Object.assign(new Order(), order(), { address: Object.assign(new Address(), { city: 'Bonn' }) });
    expect((validateArguments(place, [made]) as [Order])[0])
      .instanceOf(Order)
      .not.equal(made);
    made.total = 'much' as unknown as number;
    expect(broken(place, [made])).deep.equal(['request.total isNumber']);
  });

  it('that pass keep their number, extra and missing ones included', () => {
    expect(validateArguments(place, [order()])).to.have.lengthOf(1);
    expect(validateArguments(place, [order(), 'a', 'b'])).to.have.lengthOf(3);
    expect(validateArguments(functionOf(Shop, 'optional'), [])).deep.equal([]);
    expect(validateArguments(functionOf(Shop, 'two'), [{ sku: 'a', count: 1 }, 7])).to.have.lengthOf(2);
  });

  it('without declared classes are left as they are', () => {
    const args = [{ any: 1 }, 'x'];
    expect(validateArguments(functionOf(Shop, 'free'), args)).deep.equal(args);
    expect(validateArguments(functionOf(Shop, 'free'), args)[0]).equal(args[0]);
  });
});

describe('violations', () => {
  it('are told with path, rule, message and short values, and all of them at once', () => {
    const found = violationsOf(place, [
      order({
        id: 'x',
        total: 'much',
        lines: [
          { sku: 'tea', count: 1 },
          { sku: 'too long', count: -0.5 },
        ],
        address: {},
      }),
      5,
    ]);
    expect(found.map(({ path, rule }) => `${path} ${rule}`).sort()).deep.equal([
      'request.address.city isString',
      'request.id isUuid',
      'request.lines.1.count isInt',
      'request.lines.1.count isPositive',
      'request.lines.1.sku maxLength',
      'request.total isNumber',
    ]);
    expect(found.find((v) => v.rule === 'isUuid')).deep.equal({ path: 'request.id', rule: 'isUuid', message: 'id must be a UUID', value: 'x' });
  });

  it('are collected over all parameters', () => {
    expect(broken(functionOf(Shop, 'two'), [{ sku: 1, count: 1 }, 'anything', { sku: 'a', count: 0 }])).deep.equal([
      'first.sku isString',
      'first.sku maxLength',
      'second.count isPositive',
    ]);
  });

  it('do not show secrets or large values', () => {
    class Login {
      @IsInt() password!: number;
      @IsInt() text!: number;
    }
    @Service()
    class Logins {
      @Workflow() async login(request: Login): Promise<unknown> {
        return request;
      }
    }
    expect(JSON.stringify(violationsOf(functionOf(Logins, 'login'), [{ password: 's3cret', text: 'x'.repeat(1000) }]))).not.match(/s3cret|x{100}/);
  });

  const cases: readonly (readonly [string, unknown, readonly string[]])[] = [
    // what is no object at all
    ['a text', 'x', ['request isObject']],
    ['a number', 5, ['request isObject']],
    ['true', true, ['request isObject']],
    ['null', null, ['request isObject']],
    ['a list', [], ['request isObject']],
    ['a list of one', [order()], ['request isObject']],
    ['a function', () => 1, ['request isObject']],
    ['a date', new Date(), ['request isObject']],
    ['a map', new Map(), ['request isObject']],
    ['a buffer', Buffer.from('x'), ['request isObject']],
    ['a bigint', 1n, ['request isObject']],
    ['undefined', undefined, []],
    // unknown properties
    ['an unknown property', order({ extra: 1 }), ['request.extra whitelistValidation']],
    ['an undecorated property that is given', order({ undecorated: 'x' }), ['request.undecorated whitelistValidation']],
    ['an unknown nested property', order({ address: { city: 'x', zip: 1 } }), ['request.address.zip whitelistValidation']],
    ['one in a list', order({ lines: [{ sku: 'a', count: 1, price: 1 }] }), ['request.lines.0.price whitelistValidation']],
    ['a property named toString', order({ toString: 'x' }), ['request.toString whitelistValidation']],
    ['a property named constructor', order({ constructor: 'x' }), ['request.constructor whitelistValidation']],
    ['a property named __proto__', JSON.parse(`{"id":"${id}","__proto__":{"admin":true}}`), ['request.__proto__ whitelistValidation']],
    ['a nested one', order({ address: JSON.parse('{"city":"x","__proto__":{}}') }), ['request.address.__proto__ whitelistValidation']],
    // nested objects
    ['a missing nested object', order({ address: undefined }), ['request.address isDefined']],
    ['null for a nested object', order({ address: null }), ['request.address nestedValidation']],
    ['a text for one', order({ address: 'Bonn' }), ['request.address nestedValidation']],
    ['a number for one', order({ address: 5 }), ['request.address nestedValidation']],
    ['a list for one', order({ address: [{ city: 'a' }] }), ['request.address isObject', 'request.address.0 unknownValue']],
    ['an empty list for one', order({ address: [] }), ['request.address isObject']],
    ['an empty nested object', order({ address: {} }), ['request.address.city isString']],
    ['an optional nested object that is absent', order({ invoice: undefined }), []],
    ['or null', order({ invoice: null }), []],
    ['an optional one that is wrong', order({ invoice: { city: 5 } }), ['request.invoice.city isString']],
    ['a list for an optional one', order({ invoice: [] }), ['request.invoice isObject']],
    // lists
    ['an object for a list', order({ lines: { sku: 'a', count: 1 } }), ['request.lines arrayMaxSize', 'request.lines isArray']],
    ['a text for a list', order({ lines: 'abc' }), ['request.lines arrayMaxSize', 'request.lines isArray', 'request.lines nestedValidation']],
    ['a missing list', order({ lines: undefined }), ['request.lines arrayMaxSize', 'request.lines isArray', 'request.lines isDefined']],
    ['null in a list', order({ lines: [null] }), ['request.lines.0 nestedValidation']],
    ['a text in a list', order({ lines: ['a'] }), ['request.lines.0 nestedValidation']],
    ['a list in a list', order({ lines: [[{ sku: 'a', count: 1 }]] }), ['request.lines.0 isObject']],
    ['undefined in a list', order({ lines: [undefined] }), ['request.lines.0 isDefined']],
    ['too many', order({ lines: [1, 2, 3, 4].map((count) => ({ sku: 'a', count })) }), ['request.lines arrayMaxSize']],
    ['an empty list', order({ lines: [] }), []],
    [
      'an object that looks like a list',
      order({ lines: { length: 1, 0: { sku: 'a', count: 1 } } }),
      [
        'request.lines arrayMaxSize',
        'request.lines isArray',
        'request.lines.0 whitelistValidation',
        'request.lines.count isInt',
        'request.lines.count isPositive',
        'request.lines.length whitelistValidation',
        'request.lines.sku isString',
        'request.lines.sku maxLength',
      ],
    ],
    ['a text where each is to be a text', order({ tags: 'abc' }), ['request.tags isArray']],
    ['a number in a list of texts', order({ tags: ['a', 5] }), ['request.tags isString']],
    ['an object where each is to be a text', order({ tags: { 0: 'a' } }), ['request.tags isArray', 'request.tags isString']],
    ['a number where each is to be one', order({ codes: 5 }), ['request.codes isArray']],
    ['a map of numbers', order({ codes: new Map([['a', 5]]) }), []],
    ['a set of texts', order({ tags: new Set(['a']) }), []],
    // no conversion
    ['a number as text', order({ total: '5' }), ['request.total isNumber']],
    ['true for a number', order({ total: true }), ['request.total isNumber']],
    ['NaN', order({ total: Number.NaN }), ['request.total isNumber']],
    ['Infinity', order({ total: Infinity }), ['request.total isNumber']],
    ['a date as text', order({ at: '2020-01-01' }), ['request.at isDate']],
    ['an invalid date', order({ at: new Date(Number.NaN) }), ['request.at isDate']],
    ['a boxed number', order({ total: Object(5) as number }), ['request.total isNumber']],
    ['a bigint for a number', order({ total: 5n }), ['request.total isNumber']],
    // switches
    ['a value outside a list of values', order({ urgency: 'never' }), ['request.urgency isIn']],
    ['null for an optional one', order({ urgency: null }), []],
    ['a condition that is met', order({ urgency: 'high' }), ['request.reason isString']],
    ['and satisfied', order({ urgency: 'high', reason: 'x' }), []],
    ['a condition that is not met', order({ reason: 5 }), []],
    ['free data', order({ free: { a: [{ b: 1 }], constructor: 1 } }), []],
    ['free data that is none', order({ free: 'x' }), ['request.free isObject']],
    ['an object without prototype', Object.assign(Object.create(null) as object, order()), []],
    ['all in order', order(), []],
    ['an object with a getter', Object.defineProperty(order(), 'total', { get: () => 7, enumerable: true }), []],
  ];
  for (const [what, value, expected] of cases) {
    it(`for ${what}: ${expected.length === 0 ? 'none' : expected.join(', ').slice(0, 80)}`, () => {
      expect(broken(place, [value])).deep.equal(expected);
    });
  }

  it('are found at list parameters', () => {
    const lines = functionOf(Shop, 'lines');
    const good = { sku: 'a', count: 1 };
    expect(broken(lines, [[good, good]])).deep.equal([]);
    expect(broken(lines, [[]])).deep.equal([]);
    expect(broken(lines, [[good, { sku: 5, count: 1 }, null, 'x', [good]]])).deep.equal([
      'lines.1.sku isString',
      'lines.1.sku maxLength',
      'lines.2 isObject',
      'lines.3 isObject',
      'lines.4 isObject',
    ]);
    for (const value of [good, 'abc', 5, new Set([good]), { 0: good, length: 1 }]) expect(broken(lines, [value])).deep.equal(['lines isArray']);
    const [made] = validateArguments(lines, [[good]]) as [Line[]];
    expect(made[0]).instanceOf(Line);
  });

  it('are none for null where the type of the parameter is no plain class, and for what is absent', () => {
    expect(broken(functionOf(Shop, 'maybe'), [null])).deep.equal([]);
    expect(broken(functionOf(Shop, 'maybe'), [undefined])).deep.equal([]);
    expect(broken(functionOf(Shop, 'optional'), [undefined])).deep.equal([]);
    expect(broken(functionOf(Shop, 'optional'), [null])).deep.equal(['line isObject']);
    expect(broken(functionOf(Shop, 'maybe'), [{ sku: 1, count: 1 }])).deep.equal(['line.sku isString', 'line.sku maxLength']);
  });

  it('tell of values that contain themselves, or are nested without end', () => {
    class Tree {
      @IsOptional() @ValidateNested() child?: Tree;
    }
    @Service()
    class Trees {
      @Workflow() async grow(tree: Tree): Promise<unknown> {
        return tree;
      }
    }
    const grow = functionOf(Trees, 'grow');
    const loop: { child?: unknown } = {};
    loop.child = { child: loop };
    expect(broken(grow, [loop])).deep.equal(['tree.child.child isAcyclic']);
    let deep: object = {};
    for (let i = 0; i < 10_000; i++) deep = { child: deep };
    expect(violationsOf(grow, [deep])[0]?.rule).equal('maxDepth');
    expect(broken(grow, [{ child: { child: {} } }])).deep.equal([]);
  });
});

describe('instances made from a record', () => {
  it('are those that were checked, without a check', () => {
    const [request] = validateArguments(place, [order({ at: new Date(5) })]) as [Order];
    const [again] = instantiate(place, [JSON.parse(JSON.stringify(request)) as object]) as [Order];
    expect(again).instanceOf(Order);
    expect(again.address).instanceOf(Address);
    expect(again.lines[0]).instanceOf(Line);
    expect((instantiate(place, [{ nothing: 'right' }]) as [Order])[0]).instanceOf(Order);
  });

  it('are made in lists, and where a value is there', () => {
    const [lines] = instantiate(functionOf(Shop, 'lines'), [[{ sku: 'a' }]]) as [Line[]];
    expect(lines[0]).instanceOf(Line);
    for (const value of [undefined, null, 5, 'x']) expect(instantiate(place, [value])).deep.equal([value]);
    expect(instantiate(place, [])).deep.equal([]);
  });

  it('leave free data as it is', () => {
    class Box {
      @IsBoolean() open!: boolean;
      @IsObject() content!: object;
    }
    @Service()
    class Boxes {
      @Workflow() async put(box: Box): Promise<unknown> {
        return box;
      }
    }
    const fn = functionOf(Boxes, 'put');
    for (const content of [new Map([[1, 2]]), new Set([1]), new Uint8Array([1, 2]), /x/g, new URL('http://h/'), Buffer.from('x'), new Date(1), { a: [1] }]) {
      const [made] = validateArguments(fn, [{ open: true, content }]) as [Box];
      expectSame(made.content, content);
      expectSame((instantiate(fn, [{ open: true, content }]) as [Box])[0].content, content);
    }
  });
});
