import { execFileSync } from 'node:child_process';
import { createLogger, isLogger, redactFields, redactText, withFields, type Logger } from '@apiary/core/internal';
import { expect } from 'chai';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown> | undefined;
}

function recorder(): { lines: Line[]; logger: Logger } {
  const lines: Line[] = [];
  const at = (level: string) => (message: string, fields?: Record<string, unknown>) => void lines.push({ level, message, fields });
  return { lines, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

/** What loggers made from options write to a standard output that is no terminal, in the order of the scripts. One process for all: it starts slowly. */
function written(runs: readonly { readonly options: object; readonly script: string }[]): string[] {
  const parts = runs.map(
    ({ options, script }) => `{ const log = createLogger(${JSON.stringify(options)}, { app: 'shop' }); ${script}; process.stdout.write('--- next\\n'); }`,
  );
  const code = `import { createLogger, withFields } from '@apiary/core/internal'; ${parts.join('\n')}`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8', cwd: import.meta.dirname }).split('--- next\n');
}

describe('log lines', () => {
  const everyLevel = "log.debug('d'); log.info('i'); log.warn('w'); log.error('e')";
  let [json, pretty, debug, warn, silent] = ['', '', '', '', ''];
  before(() => {
    [json = '', pretty = '', debug = '', warn = '', silent = ''] = written([
      { options: {}, script: "withFields(log, { workflowId: 'w' }).info('started', { n: 1n, level: 'forged' }); log.debug('not shown')" },
      { options: { format: 'pretty', level: 'debug' }, script: "log.debug('hello', { n: 1, o: { a: 1 } }); log.error('bad', { error: new Error('boom') })" },
      { options: { level: 'debug' }, script: everyLevel },
      { options: { level: 'warn' }, script: everyLevel },
      { options: { level: 'silent' }, script: everyLevel },
    ]);
  });
  const parsed = (text: string): Record<string, unknown>[] =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it('are JSON where there is no terminal, with time, level, message and fields', () => {
    const lines = parsed(json);
    expect(lines).to.have.lengthOf(1);
    expect(lines[0]).deep.include({ level: 'info', message: 'started', app: 'shop', workflowId: 'w', n: '1' });
    expect(Number.isNaN(Date.parse(lines[0]?.['time'] as string))).equal(false);
  });

  it('are for people when asked to, errors with their stack', () => {
    expect(pretty).match(/debug\S* hello app=shop n=1 o={"a":1}/);
    expect(pretty).match(/bad app=shop\nError: boom\n {4}at /);
  });

  it('appear from their level on, or not at all', () => {
    expect(parsed(debug).map((line) => line['message'])).deep.equal(['d', 'i', 'w', 'e']);
    expect(parsed(warn).map((line) => line['message'])).deep.equal(['w', 'e']);
    expect(silent).equal('');
  });

  it("go to a logger of the user's, with the fields of the app and of the place", () => {
    const { lines, logger } = recorder();
    const log = withFields(createLogger(logger, { app: 'shop' }), { workflowId: 'w', step: 'A.b' });
    log.warn('careful', { n: 1 });
    log.info('plain');
    expect(lines).deep.equal([
      { level: 'warn', message: 'careful', fields: { app: 'shop', workflowId: 'w', step: 'A.b', n: 1 } },
      { level: 'info', message: 'plain', fields: { app: 'shop', workflowId: 'w', step: 'A.b' } },
    ]);
  });

  it("call the methods of a user's logger as methods", () => {
    class Counting {
      count = 0;
      debug(): void {
        this.count++;
      }
      info(): void {
        this.count++;
      }
      warn(): void {
        this.count++;
      }
      error(): void {
        this.count++;
      }
    }
    const logger = new Counting();
    expect(isLogger(logger)).equal(true);
    createLogger(logger).info('x');
    expect(logger.count).equal(1);
  });

  it('let no error of a logger out, thrown or rejected', async () => {
    const fail = (): never => {
      throw new Error('disk full');
    };
    const log = createLogger({ debug: fail, info: fail, warn: fail, error: async () => Promise.reject(new Error('disk full')) } as Logger);
    const unhandled: unknown[] = [];
    const listener = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', listener);
    log.debug('a');
    log.info('b', {
      get x(): never {
        throw new Error('getter');
      },
    });
    log.warn({ toString: fail } as unknown as string);
    log.error('d');
    await new Promise((resolve) => setImmediate(resolve));
    process.removeListener('unhandledRejection', listener);
    expect(unhandled).deep.equal([]);
  });
});

describe('secrets', () => {
  it('of connection strings are taken out, encoded or not', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['connect postgres://bob:s3cret@host:5432/db now', 'connect postgres://bob:***@host:5432/db now'],
      ['postgresql://bob:p@ss/w:rd@host/db', 'postgresql://bob:***@host/db'],
      ['redis://:s3cret@host and https://u:s3cret@x/y?z=1', 'redis://:***@host and https://u:***@x/y?z=1'],
      ['host=x password=s3cret user=y', 'host=x password=*** user=y'],
      ["PASSWORD = 's3 cret' done", 'PASSWORD = *** done'],
      ['/path?token=s3cret&a=1', '/path?token=***&a=1'],
      ['api_key="s3cret"', 'api_key=***'],
    ];
    for (const [text, expected] of cases) expect(redactText(text)).equal(expected);
  });

  it('leave other text as it is', () => {
    for (const text of ['', 'mail bob@example.org', 'http://host:8080/path', 'a = b', 'postgres://host/db', 'x@y:z=1', 'passwords are 3'])
      expect(redactText(text)).equal(text);
  });

  it('in fields are hidden by name and in texts, however deep', () => {
    const { lines, logger } = recorder();
    const error = new Error('no postgres://bob:s3cret@host/db', { cause: new Error('token=s3cret') });
    createLogger(logger, { databaseUrl: 'postgres://bob:s3cret@host/db' }).error('at postgres://bob:s3cret@host/db', {
      password: 's3cret',
      dbPassword: 's3cret',
      DB_PASSWORD: 's3cret',
      headers: { authorization: 's3cret', cookie: 's3cret' },
      list: [{ apiKey: 's3cret' }],
      error,
      map: new Map([['token', 's3cret']]),
      set: new Set(['password=s3cret']),
      accessToken: 's3cret',
      'client-secret': 's3cret',
      shown: 'value',
    });
    const text = JSON.stringify(lines);
    expect(text).not.include('s3cret');
    expect(text).include('"shown":"value"').include('postgres://bob:***@host/db');
  });

  it('are looked for without going back and forth: texts made to be slow are searched too', () => {
    // A search that is quadratic in any of these does not end before mocha does.
    for (const text of [
      'a.'.repeat(5_000_000) + '@',
      'postgres://:'.repeat(1_000_000) + '@=',
      'password'.repeat(1_000_000) + '=',
      `password${' '.repeat(5_000_000)}=`,
      'x://'.repeat(2_000_000) + '@',
    ]) {
      expect(redactText(text).length).most(100_000);
    }
  });

  it('searching makes plain data of any fields, bounded in depth and width', () => {
    const loop: Record<string, unknown> = { n: 1n, at: new Date(0), bytes: Buffer.from('x'), run() {}, s: Symbol('s'), none: undefined };
    loop['self'] = loop;
    expect(redactFields({ loop })).deep.equal({
      loop: { n: '1', at: '1970-01-01T00:00:00.000Z', bytes: '[1 bytes]', run: '[function]', s: 'Symbol(s)', self: '[circular]' },
    });
    let deep: unknown = 'bottom';
    for (let i = 0; i < 10_000; i++) deep = [deep];
    expect(JSON.stringify(redactFields({ deep, wide: Array.from({ length: 10_000 }, () => 1) })).length).below(1000);
    expect(redactFields(JSON.parse('{"__proto__":{"polluted":1},"a":1}') as Record<string, unknown>)).deep.equal({ a: 1 });
  });
});
