import { isApiaryError, type Apiary, type Config } from '@apiary/core';
import { launchApp, type LaunchedApp } from '@apiary/testing/internal';
import { expect } from 'chai';
import pg from 'pg';
import { Careless, gates, left, misuses, outside } from './careless.js';

const all = Object.keys(misuses).filter((what) => what !== 'nothing');
type Way = 'body' | 'afterStep' | 'besideSteps' | 'inlineChild';

async function refusal(app: Apiary, way: Way, what: string): Promise<unknown> {
  return app
    .get(Careless)
    [way](what)
    .catch((error: unknown) => error);
}

describe('the determinism guard', () => {
  let launched: LaunchedApp;
  let app: Apiary;
  before(async () => {
    launched = await launchApp({ services: [Careless] });
    ({ app } = launched);
    outside.connectionString = launched.database.connectionString;
    outside.client = new pg.Client(outside.connectionString);
    await outside.client.connect();
  });
  after(async () => {
    await outside.client?.end();
    await launched.close();
  });

  for (const what of all) {
    const [name, instead] = misuses[what] ?? [];
    it(`refuses ${what} in the body of a workflow, with the line and what to use instead`, async () => {
      const error = await refusal(app, 'body', what);
      if (!isApiaryError(error, 'FORBIDDEN_CALL')) throw new Error(`not refused: ${String(error)}`);
      expect(error.details).to.deep.equal({ caller: 'Careless.body', callee: name });
      expect(error.message).to.include(`: a replay would see or do something else. Use ${instead}`);
      // Knex sends when it is awaited: no line of the user's is on the stack then.
      if (what !== 'a Knex of its own') {
        expect(error.message).to.match(/ at \S*determinism\/careless\.ts:\d+:\d+: a replay/);
        expect(error.stack).to.include('careless.ts');
      }
      expect(error.workflowId).to.be.a('string');
    });

    it(`lets steps use it: ${what}`, async () => {
      const found = await app.get(Careless).steps(what);
      expect(found[0]).to.equal(found[1]).and.not.equal('undefined');
    });
  }

  for (const way of ['afterStep', 'besideSteps', 'inlineChild'] as const) {
    it(`looks at the whole body: ${way}`, async () => {
      for (const what of ['Date.now()', 'new Date()', 'setTimeout()', 'a client of its own']) {
        const error = await refusal(app, way, what);
        expect(isApiaryError(error, 'FORBIDDEN_CALL'), `${what}: ${String(error)}`).to.equal(true);
      }
    });
  }

  it('lets a body have what is recorded, dates of its own, and all that the engine does on its behalf', async () => {
    expect(await app.get(Careless).careful()).to.equal('true number 36 0 true');
  });

  it('leaves the code around alone, while it is on', async () => {
    for (const what of all) expect(typeof (await misuses[what]?.[2]()), what).to.be.oneOf(['number', 'string', 'object']);
    expect(Object.getPrototypeOf(new Date())).to.equal(Date.prototype);
    expect(new Date().constructor).to.equal(Date);
  });

  it('leaves alone what a body left behind when it ended', async () => {
    let end = (): void => {};
    gates['ended'] = new Promise((resolve) => (end = resolve));
    await app.get(Careless).leaves('ended');
    end();
    expect(await left.at(-1)).to.be.a('number');
  });

  it('is an error that a body may catch', async () => {
    expect(await app.get(Careless).catches('fetch()')).to.equal('FORBIDDEN_CALL');
  });
});

describe('the determinism guard of several apps', () => {
  const lines: { message: string; fields: Record<string, unknown> | undefined }[] = [];
  const silent = { debug() {}, info() {}, error() {} };
  const log = { ...silent, warn: (message: string, fields?: Record<string, unknown>) => void lines.push({ message, fields }) };
  beforeEach(() => lines.splice(0));

  async function withApps<R>(configs: readonly Partial<Config>[], work: (...apps: Apiary[]) => Promise<R>): Promise<R> {
    const launched: LaunchedApp[] = [];
    try {
      for (const config of configs) launched.push(await launchApp({ services: [Careless], ...config } as Config));
      return await work(...launched.map(({ app }) => app));
    } finally {
      for (const { close } of launched) await close();
    }
  }

  it('goes by the app whose body it is', async () => {
    await withApps([{ determinism: 'error' }, { determinism: 'warn', log }, { determinism: 'off', log }], async (strict, warns, off) => {
      expect(isApiaryError(await refusal(strict as Apiary, 'body', 'Math.random()'), 'FORBIDDEN_CALL')).to.equal(true);
      expect(await refusal(off as Apiary, 'body', 'Math.random()')).to.match(/^0\.\d+$/);
      expect(lines).to.deep.equal([]);
      expect(await refusal(warns as Apiary, 'body', 'Math.random()')).to.match(/^0\.\d+$/);
      expect(lines).to.have.length(1);
      const [{ message, fields } = { message: '', fields: {} }] = lines;
      expect(message).to.match(/^Math\.random\(\) in the body of the workflow Careless\.body, at \S*careless\.ts:\d+:\d+: .* Use random\(\)$/);
      expect(fields).to.include.all.keys('workflowId', 'line', 'stack');
      expect(fields?.['stack']).to.include('careless.ts');
    });
  });

  it('warns once of a place, and the body goes on', async () => {
    await withApps([{ determinism: 'warn', log }], async (app) => {
      for (let i = 0; i < 3; i++) expect(await refusal(app as Apiary, 'body', 'new Date()')).to.match(/^\d+$/);
      expect(await refusal(app as Apiary, 'afterStep', 'new Date()')).to.match(/^\d+$/);
      expect(lines.map(({ fields }) => fields?.['line'])).to.have.length(2);
    });
  });

  it('is put back when the last app that wants it ends: crashed, failed to launch, or shut down', async () => {
    const before = presentOf();
    await withApps([{}, {}], async (one, two) => {
      const during = presentOf();
      for (const [index, value] of during.entries()) expect(value, String(index)).to.not.equal(before[index]);
      await two?.shutdown();
      expect(presentOf()).to.deep.equal(during);
      expect(isApiaryError(await refusal(one as Apiary, 'body', 'fetch()'), 'FORBIDDEN_CALL')).to.equal(true);
    });
    expect(presentOf()).to.deep.equal(before);
    expect(Object.getOwnPropertyDescriptor(globalThis, 'Date')).to.include({ value: Date, writable: true });
    const failed = await launchApp({ services: [Careless], migrations: () => Promise.reject(new Error('no tables')) }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(String(failed)).to.include('no tables');
    expect(presentOf()).to.deep.equal(before);
  });

  it('costs nothing where no app wants it: nothing is replaced', async () => {
    const before = presentOf();
    await withApps([{ determinism: 'off' }], async (app) => {
      expect(presentOf()).to.deep.equal(before);
      expect(await refusal(app as Apiary, 'body', 'Date.now()')).to.match(/^\d+$/);
    });
  });

  it('keeps fake timers that were put before it, whichever ends first', async () => {
    const real = { now: Date.now, Date };
    const fake = class extends Date {} as DateConstructor;
    await withApps([{}], async () => {
      globalThis.Date = fake;
      expect(Date).to.equal(fake);
    });
    expect(Date).to.equal(fake);
    globalThis.Date = real.Date;
    expect(Date.now).to.equal(real.now);
  });
});

/** What stands at the moment where guarded functions are. */
function presentOf(): readonly unknown[] {
  return [Date.now, performance.now, Math.random, crypto.randomUUID, crypto.getRandomValues, fetch, setTimeout, setInterval, setImmediate];
}
