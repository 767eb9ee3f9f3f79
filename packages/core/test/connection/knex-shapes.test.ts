import { isOriginal, KnexShapes, type KnexClient } from '@apiary/core/internal';
import { expect } from 'chai';
import fc from 'fast-check';
import knex, { type Knex } from 'knex';

type Builder = Knex.QueryBuilder;
/** Values of other types are passed too; the types of Knex would ask for each of them. */
type Make = (k: Knex, a: string, b: string) => Builder;

/** Builders of shapes that are kept. Each is made with different values; the text must be the same. */
const kept: Readonly<Record<string, Make>> = {
  select: (k, a) => k('t').where({ id: a }),
  'select columns': (k, a) => k('t').select('a', 'b as c').where('t.id', '>=', a).orderBy('a').orderBy('b', 'desc'),
  first: (k, a) => k('t').where('id', a).first('name'),
  pluck: (k, a) => k('t').where('id', a).pluck('t.name'),
  'count and group': (k, a) => k('t').count('* as n').select('kind').where('id', '<', a).groupBy('kind'),
  distinct: (k, a) => k('t').distinct('a').where('id', a),
  'and, or, not, null': (k, a, b) => k('t').where('x', a).orWhereNot('y', b).whereNull('z').whereNotNull('w'),
  between: (k, a, b) => k('t').whereBetween('x', [a, b]),
  in: (k, a, b) => k('t').whereIn('x', [a, b]).whereNotIn('y', [b]),
  'limit and offset after where': (k, a) => k('t').limit(3).offset(7).where('x', a),
  lock: (k, a) => k('t').where('x', a).forUpdate().skipLocked(),
  schema: (k, a) => k.withSchema('s').from('t').where('x', a),
  insert: (k, a, b) => k('t').insert({ b: a, a: b }),
  'insert returning': (k, a, b) => k('t').insert({ b: a, a: b }).returning(['id', 'b']),
  'insert on conflict ignore': (k, a) => k('t').insert({ a }).onConflict('a').ignore(),
  update: (k, a, b) => k('t').where('id', b).update({ b: a, a: b }),
  'update returning': (k, a, b) => k('t').update('x', a).where('id', b).returning('*'),
  increment: (k, a) => k('t').where('id', a).increment('n', 2).decrement('m', 3),
  delete: (k, a) => k('t').where('id', a).del('id'),
};

/** What has to be compiled each time. */
const left: Readonly<Record<string, Make>> = {
  'raw as a column': (k, a) => k('t').select(k.raw('? as x', [a])),
  'raw as a value': (k) => k('t').where('x', k.raw('now()')),
  'raw where': (k, a) => k('t').whereRaw('x = ?', [a]),
  'raw order': (k) => k('t').orderByRaw('x desc'),
  'a function': (k, a) => k('t').where((q) => void q.where('x', a)),
  'a subquery': (k, a) => k('t').whereIn('x', k('u').select('y').where('z', a)),
  'a table from a query': (k, a) => k.from(k('u').where('z', a).as('v')),
  join: (k, a) => k('t').join('u', 't.a', 'u.a').where('x', a),
  union: (k, a) => k('t').where('x', a).union(k('u')),
  with: (k, a) => k.with('v', k('u').where('z', a)).from('v'),
  having: (k, a) => k('t').groupBy('x').having('x', '>', a),
  'several rows': (k, a, b) => k('t').insert([{ x: a }, { x: b }]),
  'an object as a value': (k, a) => k('t').insert({ x: { a } }),
  'an array as a value': (k, a) => k('t').where('x', '@>', [a] as never),
  'a column that is undefined': (k, a) => k('t').insert({ x: undefined, y: a }),
  'increment beside update': (k, a) => k('t').update({ x: a }).increment('n'),
  'a limit that is text': (k) => k('t').limit(5, { skipBinding: true } as never),
  comment: (k) => k('t').comment('why'),
  'another column': (k) => k('t').where('x', k.ref('y')),
  'a time limit': (k, a) => k('t').where('x', a).timeout(1_000, { cancel: true }),
  options: (k) => k('t').options({ rowMode: 'array' }),
};

interface Compiled {
  readonly sql: string;
  readonly __knexQueryUid: string;
}

function plain(query: unknown): unknown {
  const { __knexQueryUid: uid, ...rest } = query as Compiled;
  expect(uid).a('string');
  return rest;
}

describe('compiled queries kept by shape', () => {
  const k = knex({ client: 'pg', log: { warn: () => {} } });
  const dialect = Object.getPrototypeOf(k.client) as KnexClient;
  const compiler = (): { compile(builder: Builder): unknown; isKept(builder: Builder): boolean } => {
    const shapes = new KnexShapes(dialect);
    return {
      compile: (builder) => shapes.compile(builder as never),
      isKept: (builder) => shapes.numbered(builder.toSQL().sql) !== undefined,
    };
  };

  for (const [name, make] of Object.entries(kept)) {
    it(`${name}: the same query as Knex's, the first time and later`, () => {
      const { compile, isKept } = compiler();
      const values = [
        ['one', 'two'],
        [1, 2.5],
        [new Date(5), false],
        [7n, 'x'],
        ['', 0],
      ];
      for (const [a, b] of values) {
        const built = (): Builder => make(k, a as string, b as string);
        expect(plain(compile(built()))).deep.equal(plain(built().toSQL()));
      }
      expect(isKept(make(k, 'a', 'b'))).equal(true);
    });
  }

  for (const [name, make] of Object.entries(left)) {
    it(`${name}: compiled by Knex each time`, () => {
      const { compile, isKept } = compiler();
      // Made anew, since compiling an increment beside an update changes the builder.
      for (const a of ['one', 'two']) expect(JSON.stringify(plain(compile(make(k, a, 'x'))))).equal(JSON.stringify(plain(make(k, a, 'x').toSQL())));
      expect(isKept(make(k, 'a', 'b'))).equal(false);
    });
  }

  it('what a text depends on makes another shape', () => {
    const { compile } = compiler();
    const different: ((k: Knex) => Builder)[] = [
      (q) => q('t').increment('n', 1),
      (q) => q('t').increment('n', -1),
      (q) => q('t').where('x', 'a'),
      (q) => q('t').where('x', '>', 'a'),
      (q) => q('t').where('x', null),
      (q) => q('t').whereNot('x', 'a'),
      (q) => q('t').whereIn('x', [1]),
      (q) => q('t').whereIn('x', [1, 2]),
      (q) => q('t').whereBetween('x', [1, 2]),
      (q) => q('t').where('x', 1).orWhere('y', 2),
      (q) => q('t').where('x', 1).andWhere('y', 2),
      (q) => q('t').select('a', 'b'),
      (q) => q('t').select('a as b'),
      (q) => q('t').distinct('a', 'b'),
      (q) => q('t').distinctOn('a', 'b'),
      (q) => q('t').orderBy('a', 'asc'),
      (q) => q('t').orderBy('a', 'desc'),
      (q) => q('t').orderBy('a', 'desc', 'last'),
      (q) => q('t').limit(1),
      (q) => q('t').limit(1, { skipBinding: true } as never),
      (q) => q('t').offset(1),
      (q) => q('t').offset(0),
      (q) => q('t').limit(0).offset(0),
      (q) => q('t', { only: true }),
      (q) => q('t').forUpdate(),
      (q) => q('t').forUpdate('t'),
      (q) => q('t').insert({ a: 1, b: 2 }),
      (q) => q('t').insert({ a: 1, b: 2 }).returning('a'),
      (q) => q('t').insert({ a: 1, b: 2 }).returning(['a', 'b']),
      (q) => q('t').update({ a: 1, b: 2 }),
      (q) => q('t').update({ b: 2, a: 1 }),
    ];
    for (let round = 0; round < 3; round++) for (const make of different) expect(plain(compile(make(k)))).deep.equal(plain(make(k).toSQL()));
  });

  it('no builder gets the text of another one, whatever they are made of', () => {
    const { compile } = compiler();
    const word = fc.constantFrom('a', 'b', 'where', 'limit', 'a as b', 't.a', '*', '', '1', '\0');
    const value = fc.oneof(fc.constantFrom('a', '', null, undefined, true, 0, -1, 1.5), fc.integer());
    const part = fc.oneof(
      fc.tuple(fc.constant('where'), word, fc.constantFrom('=', '<', 'like'), value),
      fc.tuple(fc.constantFrom('whereNot', 'orWhere', 'orWhereNot'), word, value),
      fc.tuple(fc.constantFrom('whereIn', 'whereNotIn', 'whereBetween', 'orWhereIn'), word, fc.array(value, { minLength: 2, maxLength: 3 })),
      fc.tuple(fc.constantFrom('whereNull', 'orWhereNotNull', 'as', 'withSchema', 'from'), word),
      fc.tuple(
        fc.constantFrom('select', 'distinct', 'distinctOn', 'groupBy', 'returning', 'count', 'max', 'orderBy', 'forUpdate'),
        fc.array(word, { minLength: 1, maxLength: 3 }),
      ),
      fc.tuple(fc.constantFrom('limit', 'offset'), fc.nat()),
      fc.tuple(fc.constantFrom('insert', 'update'), fc.dictionary(fc.constantFrom('a', 'b', 'limit', '__proto__', 'list'), value, { minKeys: 1 })),
      fc.tuple(fc.constantFrom('increment', 'decrement'), word, fc.integer()),
      fc.tuple(fc.constantFrom('del', 'first', 'forShare', 'noWait')),
      fc.tuple(fc.constant('pluck'), word),
    );
    const outcome = (code: () => unknown): unknown => {
      try {
        return plain(code());
      } catch (error) {
        return (error as Error).message;
      }
    };
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const make = (): Builder => {
          let builder = k('t') as unknown as Record<string, (...args: unknown[]) => never>;
          for (const [method, ...args] of parts) builder = (builder[method as string] as (...args: unknown[]) => never)(...structuredClone(args));
          return builder as unknown as Builder;
        };
        try {
          make();
        } catch {
          return;
        }
        for (let i = 0; i < 2; i++) expect(outcome(() => compile(make()))).deep.equal(outcome(() => make().toSQL()));
      }),
      { numRuns: 3_000 },
    );
  });

  it('an array of columns that the user changes later is not that of the shape', () => {
    const { compile } = compiler();
    const columns = ['id'];
    for (let i = 0; i < 3; i++) compile(k('t').insert({ a: 1 }).returning(columns));
    columns.push('name');
    expect(plain(compile(k('t').insert({ a: 2 }).returning(['id'])))).deep.equal(plain(k('t').insert({ a: 2 }).returning(['id']).toSQL()));
  });

  it('a builder whose toSQL was replaced, and a client that changes names, are asked each time', () => {
    const { compile, isKept } = compiler();
    const builder = k('t').where('id', 1);
    compile(k('t').where('id', 1));
    builder.toSQL = () => ({ ...k('t').where('id', 1).toSQL(), sql: 'select 1' });
    expect(compile(builder)).property('sql', 'select 1');
    let tenant = 'a';
    const mapped = knex({ client: 'pg', wrapIdentifier: (name, original) => original(`${tenant}_${name}`) });
    expect(compile(mapped('t').select('x'))).property('sql', 'select "a_x" from "a_t"');
    tenant = 'b';
    expect(compile(mapped('t').select('x'))).property('sql', 'select "b_x" from "b_t"');
    expect(isKept(mapped('t').select('x'))).equal(false);
  });

  it('made-up names do not fill the memory', () => {
    const { compile, isKept } = compiler();
    for (let i = 0; i < 5_000; i++) compile(k('t').where(`column${i}`, i));
    expect(isKept(k('t').where('column0', 1)), 'the first is forgotten').equal(false);
    expect(plain(compile(k('t').where('column0', 1)))).deep.equal(plain(k('t').where('column0', 1).toSQL()));
    expect(isKept(k('t').where('column0', 1))).equal(true);
  });

  it("is for Knex's own dialect, as Knex made it", () => {
    const Pg = k.client.constructor as new (config: object) => object;
    expect(isOriginal(dialect)).equal(true);
    class Own extends Pg {}
    expect(isOriginal(Own.prototype as KnexClient)).equal(false);
    const original = dialect.query;
    Object.assign(dialect, { query: () => {} });
    expect(isOriginal(dialect)).equal(false);
    Reflect.deleteProperty(dialect, 'query');
    expect([dialect.query === original, isOriginal(dialect)]).deep.equal([true, true]);
    const query = (dialect.runner(undefined as never) as { query: { __wrapped?: boolean } }).query;
    query.__wrapped = true;
    expect(isOriginal(dialect)).equal(false);
    delete query.__wrapped;
    expect(isOriginal(dialect)).equal(true);
  });
});
