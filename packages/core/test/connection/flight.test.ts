import { classify, copied, isInfrastructure, type Connection, type Statement } from '@apiary/core/internal';
import { killBackend } from '@apiary/testing/internal';
import { expect } from 'chai';
import { bench, commands, countWrites, rejected, type Bench } from '../support/connections.js';

describe('a flight', () => {
  let b: Bench;
  let c: Connection;
  before(async () => {
    b = await bench({ preparedStatements: 3 }, 'create table t (id int primary key, x text)');
  });
  after(async () => b[Symbol.asyncDispose]());
  beforeEach(async () => {
    c = await b.connections.dedicated('system');
  });
  afterEach(() => c.destroy());

  const prepared = async (): Promise<string[]> =>
    ((await c.fly([{ text: 'select name from pg_prepared_statements order by 1' }]))[0]?.rows ?? []).map((row) => String(row['name']));

  it('sends several statements in one write and gives an answer to each', async () => {
    const counter = countWrites(c);
    const results = await c.fly([
      { text: 'begin' },
      { text: 'insert into t values ($1, $2), ($3, $4)', values: [1, 'a', 2, null], name: 'i' },
      { text: 'select * from t order by id', name: 's' },
      { text: 'rollback' },
    ]);
    expect(counter.writes).equal(1);
    expect(commands(results)).deep.equal(['BEGIN', 'INSERT', 'SELECT', 'ROLLBACK']);
    expect(results[1]?.rowCount).equal(2);
    expect(results[2]?.rows).deep.equal([
      { id: 1, x: 'a' },
      { id: 2, x: null },
    ]);
  });

  it('is one implicit transaction without BEGIN', async () => {
    const error = await rejected(c.fly([{ text: `insert into t values (50, 'x')` }, { text: 'select 1 / $1::int', values: [0] }]));
    expect(error.code).equal('22012');
    expect((await c.fly([{ text: 'select from t where id = 50' }]))[0]?.rowCount).equal(0);
  });

  it('names the statement that failed, and skips the rest', async () => {
    const error = await rejected(c.fly([{ text: 'select 1' }, { text: 'select 1 / 0' }, { text: `insert into t values (51, '')` }]));
    expect(error).include({ code: '22012', statement: 'select 1 / 0', statementIndex: 1 });
    expect(Object.keys(error)).not.include('statement');
    expect((await c.fly([{ text: 'select from t where id = 51' }]))[0]?.rowCount).equal(0);
  });

  it('answers statements without rows and empty ones', async () => {
    const results = await c.fly([{ text: '' }, { text: 'update t set x = x where false' }, { text: 'select from t where false' }, { text: 'select' }]);
    expect(results.map((r) => [r.command, r.rowCount, r.rows.length])).deep.equal([
      ['', 0, 0],
      ['UPDATE', 0, 0],
      ['SELECT', 0, 0],
      ['SELECT', 1, 1],
    ]);
  });

  it('keeps the columns of a prepared statement and does not ask again', async () => {
    const statement = { name: 'k', text: 'select $1::int as a, now() as at' };
    const first = await c.fly([{ ...statement, values: [1] }]);
    const written: Buffer[] = [];
    const { stream } = c.client.connection;
    const write = stream.write.bind(stream);
    stream.write = ((bytes: Buffer) => (written.push(Buffer.from(bytes)), write(bytes))) as typeof stream.write;
    const second = await c.fly([{ ...statement, values: [2] }]);
    expect(messages(written[0] as Buffer)).equal('BES');
    expect(first[0]?.rows[0]?.['at']).instanceOf(Date);
    expect(second[0]?.rows[0]?.['at']).instanceOf(Date);
    expect(second[0]?.rows[0]?.['a']).equal(2);
  });

  it('describes a statement whose columns the text does not fix each time', async () => {
    await c.fly([{ text: 'begin' }, { text: 'declare a cursor for select 1 as one' }]);
    expect((await c.fly([{ name: 'f', text: 'fetch all from a' }]))[0]?.rows).deep.equal([{ one: 1 }]);
    await c.fly([{ text: 'close a' }, { text: `declare a cursor for select 'x' as ex, 'y' as why` }]);
    expect((await c.fly([{ name: 'f', text: 'fetch all from a' }]))[0]?.rows).deep.equal([{ ex: 'x', why: 'y' }]);
    await c.fly([{ text: 'rollback' }]);
  });

  it('knows a statement as prepared though its execution failed', async () => {
    const statement = { name: 'div', text: 'select 1 / $1::int as n' };
    expect((await rejected(c.fly([{ ...statement, values: [0] }]))).code).equal('22012');
    expect((await c.fly([{ ...statement, values: [1] }]))[0]?.rows).deep.equal([{ n: 1 }]);
    expect((await rejected(c.fly([{ ...statement, values: [0] }]))).code).equal('22012');
  });

  it('does not know a statement whose Parse failed or was skipped', async () => {
    const bad = { name: 'bad', text: 'select nothing from nowhere' };
    expect((await rejected(c.fly([bad]))).code).equal('42P01');
    expect((await rejected(c.fly([{ text: 'select 1 / 0' }, { name: 'skipped', text: 'select 7 as n' }]))).code).equal('22012');
    expect((await rejected(c.fly([bad]))).code).equal('42P01');
    expect((await c.fly([{ name: 'skipped', text: 'select 7 as n' }]))[0]?.rows).deep.equal([{ n: 7 }]);
  });

  it('uses a name twice in one flight, and prepares it anew for another text', async () => {
    const results = await c.fly([
      { name: 'n', text: 'select $1::int as a', values: [1] },
      { name: 'n', text: 'select $1::int as a', values: [2] },
    ]);
    expect(results.map((r) => r.rows[0]?.['a'])).deep.equal([1, 2]);
    expect((await c.fly([{ name: 'n', text: `select 'other' as b` }]))[0]?.rows).deep.equal([{ b: 'other' }]);
  });

  it('keeps at most so many names: the one not used for longest is closed in the write that needs the room', async () => {
    for (const name of ['a', 'b', 'c']) await c.fly([{ name, text: `select '${name}'` }]);
    await c.fly([{ name: 'a', text: `select 'a'` }]);
    const counter = countWrites(c);
    await c.fly([{ name: 'd', text: `select 'd'` }]);
    expect(counter.writes).equal(1);
    expect(await prepared()).deep.equal(['a', 'c', 'd']);
    expect((await c.fly([{ name: 'b', text: `select 'b' as v` }]))[0]?.rows).deep.equal([{ v: 'b' }]);
    expect(await prepared()).deep.equal(['a', 'b', 'd']);
  });

  it('closes a plan that no longer fits after ALTER TABLE and reports it as infrastructure', async () => {
    const all = { name: 'all', text: 'select * from alt' };
    await b.admin.query('create table alt (a int); insert into alt values (1)');
    await c.fly([all]);
    await b.admin.query('alter table alt add column b int default 2');
    const error = await rejected(c.fly([all]));
    expect(error.code).equal('0A000');
    expect(classify(error)).equal('plan');
    expect(isInfrastructure(error)).equal(true);
    expect((await c.fly([all]))[0]?.rows).deep.equal([{ a: 1, b: 2 }]);
  });

  it("an 0A000 of another cause is the user's", async () => {
    const error = await rejected(c.fly([{ name: 'x', text: 'create temporary table y as select 1 for update of z' }]));
    expect(isInfrastructure(error)).equal(false);
    const unsupported = await rejected(c.fly([{ text: 'select count(distinct x) over () from t' }]));
    expect(unsupported.code).equal('0A000');
    expect(classify(unsupported)).equal('user');
  });

  it('recovers from DEALLOCATE ALL and from a name that the session already has', async () => {
    const statement = { name: 'gone', text: 'select 1 as n' };
    await c.fly([statement]);
    await c.fly([{ text: 'deallocate all' }]);
    const missing = await rejected(c.fly([statement]));
    expect([missing.code, classify(missing)]).deep.equal(['26000', 'plan']);
    expect((await c.fly([statement]))[0]?.rows).deep.equal([{ n: 1 }]);
    await c.fly([{ text: 'prepare there as select 2' }]);
    const there = { name: 'there', text: 'select 3 as n' };
    const exists = await rejected(c.fly([there]));
    expect([exists.code, classify(exists)]).deep.equal(['42P05', 'plan']);
    expect((await c.fly([there]))[0]?.rows).deep.equal([{ n: 3 }]);
  });

  it('refuses values that cannot be sent before anything is written, and goes on', async () => {
    const counter = countWrites(c);
    for (const value of [
      () => {},
      Symbol('s'),
      new Date(NaN),
      {
        toPostgres() {
          throw new Error('mine');
        },
      },
    ]) {
      const error = await rejected(c.fly([{ name: 'v', text: 'select $1', values: [value] }]));
      expect(classify(error)).equal('user');
    }
    expect(await rejected(c.fly([{ text: 'select 1\0' }]))).instanceOf(TypeError);
    expect(await rejected(c.fly([{ text: 'select 1', values: Array.from({ length: 65_536 }, () => 1) }]))).instanceOf(RangeError);
    expect(counter.writes).equal(0);
    expect((await c.fly([{ name: 'v', text: 'select $1 as v', values: ['fine'] }]))[0]?.rows).deep.equal([{ v: 'fine' }]);
  });

  it('carries values of all kinds, and long ones', async () => {
    const long = 'é"\\😀'.repeat(30_000);
    const values = [
      ['text', 'plain'],
      ['text', ''],
      ['text', 'ünï😀'],
      ['text', long],
      ['text', 'x'.repeat(25)],
      ['bytea', Buffer.from([0, 1, 255])],
      ['int', 42],
      ['float8', -0.5],
      ['bool', true],
      ['int8', 9007199254740993n],
      ['timestamptz', new Date(1234567890123)],
      ['jsonb', { a: [1, { b: 'é' }] }],
      ['int[]', [1, null, 3]],
      ['text[]', ['a"b', 'c\\d', '', 'NULL', 'x,y', '{}']],
      [
        'int[]',
        [
          [1, 2],
          [3, 4],
        ],
      ],
      ['text[]', []],
      ['bytea[]', [Buffer.from([1, 2])]],
      ['int', null],
    ] as const;
    const text = `select ${values.map(([type], i) => `$${i + 1}::${type} as v${i}`).join(', ')}`;
    for (let round = 0; round < 2; round++) {
      const [result] = await c.fly([{ name: 'kinds', text, values: values.map(([, value]) => value) }]);
      values.forEach(([, value], i) => expect(result?.rows[0]?.[`v${i}`]).deep.equal(typeof value === 'bigint' ? String(value) : value));
    }
  });

  it('a column cannot reach the prototype of its row', async () => {
    const [result] = await c.fly([{ text: `select '{"polluted":true}'::json as "__proto__", 1 as constructor` }]);
    const row = result?.rows[0] as Record<string, unknown>;
    expect(Object.keys(row)).deep.equal(['__proto__', 'constructor']);
    expect((row as { polluted?: unknown }).polluted).equal(undefined);
  });

  it('flights of one connection go one after the other', async () => {
    const order: number[] = [];
    await Promise.all(Array.from({ length: 50 }, (_, i) => c.fly([{ text: 'select $1::int as i', values: [i], name: 'o' }]).then(() => order.push(i))));
    expect(order).deep.equal(Array.from({ length: 50 }, (_, i) => i));
  });

  const copy = (rows: readonly [number | null, string | null][]): Statement => ({
    name: 'c',
    text: 'copy t (id, x) from stdin',
    copy: copied(rows, (row) => row),
  });

  it('takes the rows of a COPY with it, among other statements, whatever is in them', async () => {
    const texts = ['', ' ', '\\N', '\\', '\\.', 'a\tb', 'a\nb\r', '\\t', '\\\\', 'ü漢😀', '"quoted", {}', 'x'.repeat(100_000), null];
    const counter = countWrites(c);
    const [, copiedRows, read] = await c.fly([
      { text: 'begin' },
      copy(texts.map((text, i) => [100 + i, text])),
      { text: 'select x from t where id >= 100 order by id' },
      { text: 'rollback' },
    ]);
    expect(counter.writes).equal(1);
    expect(copiedRows).include({ command: 'COPY', rowCount: texts.length });
    expect(read?.rows.map((row) => row['x'])).deep.equal(texts);
    await c.fly([copy([[200, 'again']]), { text: 'delete from t where id = 200' }]);
    expect(await prepared(), 'it is prepared once').deep.equal(['c']);
  });

  const refusals: readonly [string, string, Statement][] = [
    ['before it takes rows', '42P01', { text: 'copy absent from stdin', copy: '1\n' }],
    ['for a row', '23505', { text: 'copy t (id, x) from stdin', copy: '301\ta\n301\tb\n' }],
    ['for a value', '22P02', { text: 'copy t (id, x) from stdin', copy: 'one\ta\n' }],
    ['at its end', '22P04', { text: 'copy t (id, x) from stdin', copy: '302\n' }],
  ];
  for (const [when, code, refused] of refusals) {
    it(`a COPY that is refused ${when} fails its flight, which has no effect, and the connection goes on`, async () => {
      const error = await rejected(c.fly([{ text: `insert into t values (300, '')` }, refused, { text: `insert into t values (303, '')` }]));
      expect(error).include({ code, statement: refused.text, statementIndex: 1 });
      expect((await c.fly([{ text: 'select from t where id >= 300' }]))[0]?.rowCount).equal(0);
    });
  }

  describe('behind another one', () => {
    const held: Statement = { text: 'select pg_advisory_xact_lock(17)' };
    const insert = (id: number): Statement => ({ text: `insert into t values (${id}, '')`, name: 'i' });
    let release: () => Promise<void>;
    beforeEach(async () => {
      await c.fly([{ ...held, name: 'h' }, insert(400), { text: 'delete from t where id >= 400' }]); // they are prepared
      const other = await b.connections.dedicated('system');
      await other.fly([{ text: 'begin' }, held]);
      release = async () => {
        await other.fly([{ text: 'rollback' }]);
        other.release();
      };
    });
    const first: Statement = { ...held, name: 'h' };

    it('is written before that one is answered, and others behind it; what comes after them waits', async () => {
      const known = (id: number): Statement => ({ text: 'insert into t values ($1)', name: 'k', values: [id] });
      await c.fly([known(400), { text: 'delete from t where id >= 400' }]);
      const counter = countWrites(c);
      const flights = [
        c.fly([first]),
        ...[401, 402, 403].map((id) => c.fly([known(id)], { behind: true })),
        c.fly([known(404)]),
        c.fly([known(405)], { behind: true }),
      ];
      expect(counter.writes).equal(4);
      await release();
      expect((await Promise.all(flights)).map((results) => commands(results).join())).deep.equal(['SELECT', ...Array<string>(5).fill('INSERT')]);
      expect(counter.writes).equal(6);
    });

    it('waits where it is not asked to be, and where one before it prepares something: its names may come to nothing', async () => {
      const counter = countWrites(c);
      const flights = [c.fly([first]), c.fly([insert(411)]), c.fly([insert(412)], { behind: true })];
      expect(counter.writes).equal(1);
      await release();
      await Promise.all(flights);
      const chain = [c.fly([first]), c.fly([insert(413)], { behind: true }), c.fly([insert(414)], { behind: true })];
      expect(counter.writes, 'the last waits for the one that prepares').equal(5);
      await Promise.all(chain);
      const after = [c.fly([{ ...held, name: 'new' }]), c.fly([insert(415)], { behind: true })];
      expect(counter.writes).equal(7);
      await Promise.all(after);
      expect(counter.writes).equal(8);
    });

    it('has no part in what comes of that one, nor that one in what comes of it', async () => {
      const failing: Statement = { text: 'select 1 / (pg_try_advisory_lock(18)::int - 1)', name: 'f' };
      await rejected(c.fly([failing]));
      const failed = rejected(c.fly([first, failing]));
      const behind = c.fly([insert(421)], { behind: true });
      await release();
      expect(await failed).include({ code: '22012', statementIndex: 1 });
      expect(commands(await behind)).deep.equal(['INSERT']);
      const before = c.fly([insert(422)]);
      expect(await rejected(c.fly([failing], { behind: true }))).include({ code: '22012', statementIndex: 0 });
      expect(commands(await before)).deep.equal(['INSERT']);
    });

    it('that cannot be sent is refused, and the other one goes on', async () => {
      const other = c.fly([first]);
      await rejected(c.fly([{ text: 'select $1', values: [Symbol('none')] }], { behind: true }));
      const next = c.fly([insert(431)], { behind: true });
      await release();
      expect(commands([...(await other), ...(await next)])).deep.equal(['SELECT', 'INSERT']);
    });

    it('is lost with the connection, as that one is', async () => {
      const known: Statement = { text: 'select 1', name: 'one' };
      await c.fly([known]);
      const behind = (): Promise<Error>[] => [1, 2, 3].map(() => rejected(c.fly([known], { behind: true })));
      const flights = [rejected(c.fly([first])), ...behind(), rejected(c.fly([insert(441)], { behind: true })), rejected(c.fly([insert(442)]))];
      await killBackend(b.admin, c.pid);
      for (const error of await Promise.all(flights)) expect([classify(error), (error as { pid?: number }).pid]).deep.equal(['connection', c.pid]);
      await release();
    });
  });

  it('COPY through the client ends the connection instead of hanging', async () => {
    const error = await rejected(c.fly([{ text: 'copy t from stdin' }]));
    expect(error.message).match(/COPY/);
    expect(classify(error)).equal('user');
    expect(c.lost).equal(true);
  });
});

/** Types of the messages in a write. */
function messages(bytes: Buffer): string {
  let types = '';
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) types += String.fromCharCode(bytes[at] as number);
  return types;
}
