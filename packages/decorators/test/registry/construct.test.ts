import { Service, Workflow } from '@apiary/decorators';
import { construct, inspect, type Invoker } from '@apiary/decorators/internal';
import { expect } from 'chai';
import { launch } from '../support/app.js';

const nobody: Invoker = { invoke: () => Promise.reject(new Error('nothing runs here')) };
let log: string[] = [];

class Base implements AsyncDisposable {
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
    log.push('base');
  }
}
@Service()
class Middle implements Disposable {
  constructor(readonly base: Base) {}
  [Symbol.dispose](): void {
    log.push('middle');
  }
}
@Service()
class Top {
  constructor(
    readonly middle: Middle,
    readonly base: Base,
  ) {}
  @Workflow()
  async run(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {
    log.push('top');
  }
}

describe('dispose', () => {
  beforeEach(() => {
    log = [];
  });

  it('takes the services in reverse order, each once', async () => {
    const app = await launch({ services: [Base, Top] });
    await Promise.all([app.registry.dispose(), app.registry.dispose()]);
    expect(log).to.deep.equal(['top', 'middle', 'base']);
  });

  it('leaves provided values to their owner', async () => {
    const app = await launch({ services: [Middle], provide: [[Base, new Base()]] });
    await app.registry.dispose();
    expect(log).to.deep.equal(['middle']);
  });

  it('goes on after a failure, and reports it', async () => {
    class Failing extends Base {
      override async [Symbol.asyncDispose](): Promise<void> {
        throw new Error('stuck');
      }
    }
    class AlsoFailing extends Failing {}
    const one = await launch({ services: [Base, Failing] });
    expect(await one.registry.dispose().catch((error: Error) => error.message)).to.equal('stuck');
    expect(log).to.deep.equal(['base']);
    const two = await launch({ services: [Failing, AlsoFailing] });
    expect(await two.registry.dispose().catch((error: AggregateError) => error.errors.length)).to.equal(2);
  });

  it('takes what was made before a constructor threw', async () => {
    @Service()
    class Broken {
      constructor(readonly middle: Middle) {
        throw new Error('no connection');
      }
    }
    const error = await launch({ services: [Broken] }).catch((caught: unknown) => caught);
    expect((error as Error).message).to.equal('no connection');
    expect(log).to.deep.equal(['middle', 'base']);
  });
});

describe('a registry', () => {
  it('finds services and functions by class and by stored name', async () => {
    const { registry } = await launch({ services: [Top] });
    const fn = registry.functionOf(Top, 'run');
    expect(fn).to.equal(registry.functions.get('Top.run'));
    expect(fn?.service)
      .to.equal(registry.service(Top))
      .and.include({ name: 'Top', type: Top, instance: registry.resolve(Top) });
    expect(registry.functionOf(Top, 'missing')).to.equal(undefined);
    expect(registry.service(class Other {})).to.equal(undefined);
    expect(registry.resolve(class Other {})).to.equal(undefined);
  });

  it('constructs nothing at inspection, and once after it', async () => {
    let made = 0;
    class Counted {
      constructor() {
        made += 1;
      }
    }
    const inspection = inspect({ services: [Counted] });
    expect([made, inspection.services[0]?.instance]).to.deep.equal([0, undefined]);
    await construct(inspection, nobody);
    const again = await construct(inspection, nobody).catch((error: Error) => error.message);
    expect(again).to.contain('constructed once');
    expect(made).to.equal(1);
  });
});

describe('names and version', () => {
  it('come from @Service and the decorator where they say so', () => {
    @Service({ name: 'Orders' })
    class OrderService {
      @Workflow({ name: 'place' })
      async placeOrder(): Promise<void> {}
      @Workflow()
      async cancel(): Promise<void> {}
    }
    const { functions, services } = inspect({ services: [OrderService] });
    expect([...functions.keys()]).to.deep.equal(['Orders.place', 'Orders.cancel']);
    expect([...(services[0]?.functions.keys() ?? [])]).to.deep.equal(['placeOrder', 'cancel']);
  });

  it('are those of the code: another body or kind is another version, another order is not', () => {
    const versionOf = (...services: Parameters<typeof inspect>[0]['services'][number][]): string => inspect({ services }).version;
    const make = (text: string) => {
      class Job {
        @Workflow()
        async run(): Promise<string> {
          return text;
        }
      }
      return Job;
    };
    const first = make('a');
    class Job {
      @Workflow()
      async run(): Promise<string> {
        return 'changed';
      }
    }
    expect(versionOf(first))
      .to.equal(versionOf(make('b')))
      .and.match(/^[0-9a-f]{16}$/);
    expect(versionOf(first)).to.not.equal(versionOf(Job));
    expect(versionOf(Top, first)).to.equal(versionOf(first, Top));
  });
});
