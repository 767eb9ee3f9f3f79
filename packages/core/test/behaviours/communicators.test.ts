import { Communicator, NonRetryableError, RetryAfterError, Service, Workflow, idempotencyKey, isApiaryError, signal } from '@apiary/core';
import { expect } from 'chai';
import { until } from '@apiary/testing/internal';
import { Engine, rejected } from '../support/engine.js';
import { Gates } from '../support/gates.js';

const gates = new Gates();
let attempts: number[] = [];
let keys: string[] = [];
let abortedBy: unknown;
let late: { readonly resolve: (value: string) => void; readonly reject: (error: Error) => void } | undefined;

class Refused extends Error {
  override readonly name = 'Refused';
  readonly code = 'REFUSED';
}
const fast = { initialInterval: 1, maxInterval: 5 };

function fail(until: number): string {
  attempts.push(attempts.length + 1);
  keys.push(idempotencyKey());
  if (attempts.length < until) throw new Refused(`attempt ${attempts.length}`);
  return `attempt ${attempts.length}`;
}

@Service()
class Outside {
  @Communicator({ retry: { ...fast, maxAttempts: 4 } })
  async retried(until: number): Promise<string> {
    return fail(until);
  }
  @Communicator({ retry: { maxAttempts: 1 } })
  async once(): Promise<string> {
    return fail(99);
  }
  @Communicator({ retry: { ...fast, maxAttempts: 9, retryIf: (error, attempt) => (error as Error).message !== 'attempt 2' && attempt < 9 } })
  async picky(): Promise<string> {
    return fail(99);
  }
  @Communicator({
    retry: {
      ...fast,
      retryIf: () => {
        throw new Error('the predicate broke');
      },
    },
  })
  async broken(): Promise<string> {
    return fail(99);
  }
  @Communicator({ retry: fast })
  async final(): Promise<string> {
    attempts.push(1);
    throw new NonRetryableError('never again');
  }
  @Communicator({ retry: { ...fast, initialInterval: '1 hour', maxInterval: '1 hour' } })
  async patient(): Promise<string> {
    attempts.push(attempts.length + 1);
    if (attempts.length === 1) throw new RetryAfterError('in a moment', 1);
    return 'then';
  }
  @Communicator({ retry: { initialInterval: '1 hour', maxInterval: '1 hour', maxAttempts: Infinity } })
  async forever(): Promise<string> {
    attempts.push(attempts.length + 1);
    throw new Refused(`attempt ${attempts.length}`);
  }
  @Communicator({ timeout: 20, retry: { ...fast, maxAttempts: 2 } })
  async slow(): Promise<string> {
    attempts.push(attempts.length + 1);
    if (attempts.length > 1) return 'fast this time';
    const aborted = signal();
    aborted.addEventListener('abort', () => (abortedBy = aborted.reason));
    return new Promise<string>((resolve, reject) => (late = { resolve, reject }));
  }
  @Communicator({ timeout: 60_000 })
  async hangs(): Promise<string> {
    await gates.at('hangs');
    const aborted = signal();
    return new Promise<string>((_, reject) => aborted.addEventListener('abort', () => reject(aborted.reason as Error)));
  }
}

@Service()
class Flows {
  constructor(private readonly outside: Outside) {}
  @Workflow()
  async call(method: 'once' | 'picky' | 'broken' | 'final' | 'patient' | 'slow'): Promise<string> {
    return this.outside[method]();
  }
  @Workflow()
  async retried(until: number): Promise<string> {
    return this.outside.retried(until);
  }
  @Workflow()
  async beside(): Promise<unknown> {
    return Promise.all([this.outside.forever(), this.outside.once()]);
  }
  @Workflow({ deadline: 300 })
  async deadline(): Promise<string> {
    return this.outside.hangs();
  }
}

describe('behaviours of communicators', () => {
  let engine: Engine;
  before(async () => {
    engine = await Engine.start({ services: [Flows] });
  });
  after(() => engine.close());
  beforeEach(() => {
    gates.reset();
    attempts = [];
    keys = [];
    abortedBy = undefined;
    late = undefined;
  });
  const call = (id: string, method: Parameters<Flows['call']>[0]) => engine.app.start(Flows, { workflowId: id }).call(method).result();

  it('BEHAVIOUR 30: N failures and then success: the attempts are counted, and all carry one idempotency key', async () => {
    const handle = await engine.app.start(Flows, { workflowId: 'b30' }).retried(3);
    expect(await handle.result()).equal('attempt 3');
    expect([attempts, (await handle.steps())[0]?.attempts]).deep.equal([[1, 2, 3], 3]);
    expect(keys).deep.equal(Array(3).fill('b30-0'));
  });

  it('BEHAVIOUR 30: when all attempts failed the error lists all causes, the last one as its cause; recorded once', async () => {
    for (const error of [
      await rejected(engine.app.start(Flows, { workflowId: 'b30-all' }).retried(99).result()),
      await rejected(engine.app.start(Flows, { workflowId: 'b30-all' }).retried(99).result()),
    ]) {
      if (!isApiaryError(error, 'RETRIES_EXHAUSTED')) return expect.fail(String(error));
      expect(error.details.attempts).equal(4);
      expect(error.details.errors.map((e) => [e.name, e.message, (e as Refused).code])).deep.equal(
        [1, 2, 3, 4].map((n) => ['Refused', `attempt ${n}`, 'REFUSED']),
      );
      expect((error.cause as Error).message).equal('attempt 4');
    }
    expect(attempts).deep.equal([1, 2, 3, 4]);
  });

  it('BEHAVIOUR 30: a predicate that says no stops at once, with the error itself; one that throws gives what it throws', async () => {
    expect(await rejected(call('b30-no', 'picky'))).include({ name: 'Refused', message: 'attempt 2' });
    expect(attempts).deep.equal([1, 2]);
    attempts = [];
    expect(await rejected(call('b30-broken', 'broken'))).include({ message: 'the predicate broke' });
    expect(attempts).deep.equal([1]);
  });

  it('BEHAVIOUR 30: no retry where it is switched off, and none after NonRetryableError: the error itself is the outcome', async () => {
    expect(await rejected(call('b30-once', 'once'))).include({ name: 'Refused', message: 'attempt 1' });
    expect(attempts).deep.equal([1]);
    attempts = [];
    expect(await rejected(call('b30-final', 'final'))).include({ name: 'NonRetryableError', message: 'never again' });
    expect(attempts).deep.equal([1]);
  });

  it('a body that has ended waits for no other attempt of a call beside it: the first error of its branches is told', async () => {
    const handle = await engine.app.start(Flows, { workflowId: 'beside' }).beside();
    expect(await rejected(handle.result())).include({ name: 'Refused', message: 'attempt 2' });
    expect(attempts).deep.equal([1, 2]);
    expect((await handle.steps()).map(({ name, attempts, error }) => [name, attempts, (error as Error).message])).deep.equal([
      ['Outside.forever', 1, 'attempt 1'],
      ['Outside.once', 1, 'attempt 2'],
    ]);
  });

  it('RetryAfterError says when the next attempt comes, over the policy', async () => {
    expect(await call('retry-after', 'patient')).equal('then');
    expect(attempts).deep.equal([1, 2]);
  });

  it('BEHAVIOUR 31: a step time-out aborts the attempt and the next one follows; a late success changes nothing', async () => {
    expect(await call('b31', 'slow')).equal('fast this time');
    expect(abortedBy).include({ code: 'STEP_TIMEOUT' });
    late?.resolve('too late');
    await new Promise((resolve) => setImmediate(resolve));
    expect(await engine.app.handle('b31').result()).equal('fast this time');
    expect((await engine.records('b31')).length).equal(1);
  });

  it('BEHAVIOUR 31: a late rejection is ignored as well, and ends no process', async () => {
    let unhandled: unknown;
    const listener = (error: unknown): void => void (unhandled = error);
    process.on('unhandledRejection', listener);
    try {
      expect(await call('b31-late', 'slow')).equal('fast this time');
      late?.reject(new Error('too late'));
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(unhandled).equal(undefined);
    } finally {
      process.removeListener('unhandledRejection', listener);
    }
  });

  it('BEHAVIOUR 31: the deadline of the workflow beats a longer step time-out', async () => {
    const handle = await engine.app.start(Flows, { workflowId: 'b31-deadline' }).deadline();
    expect((await rejected(handle.result())).code).equal('DEADLINE');
    expect([await handle.status(), gates.visits('hangs')]).deep.equal(['CANCELLED', 1]);
    await until('no run is left', async () => (await engine.records('b31-deadline')).length === 0);
  });

  for (const [what, options] of Object.entries({
    timeout: { timeout: -1 },
    text: { timeout: 'soon' },
    attempts: { retry: { maxAttempts: 0 } },
    jitter: { retry: { jitter: 2 } },
    unknown: { retry: { times: 3 } },
    option: { tries: 3 },
  })) {
    it(`BEHAVIOUR 31: an invalid option (${what}) is refused at launch`, async () => {
      class Wrong {
        async call(): Promise<void> {}
      }
      const descriptor = Object.getOwnPropertyDescriptor(Wrong.prototype, 'call') as TypedPropertyDescriptor<() => Promise<void>>;
      (Communicator(options as never) as (target: object, key: string, descriptor: unknown) => void)(Wrong.prototype, 'call', descriptor);
      Object.defineProperty(Wrong.prototype, 'call', descriptor);
      Reflect.defineMetadata('design:paramtypes', [], Wrong.prototype, 'call');
      const error = await rejected(engine.another({ services: [Wrong] }));
      expect(['REGISTRATION', 'CONFIG']).include(error.code);
      expect(error.message).contain('Wrong.call');
    });
  }
});
