import { Inject, Service, Transaction, Workflow, token } from '@apiary/decorators';
import { expect } from 'chai';
import { dependencyError, launch } from '../support/app.js';

const KEY = token<string>('api key');
interface Clock {
  today(): string;
}

class Mailer {
  readonly sent: string[] = [];
}
@Service()
class Accounts {
  constructor(readonly mailer: Mailer) {}
}
@Service()
class Transfers {
  constructor(
    readonly accounts: Accounts,
    readonly mailer: Mailer,
  ) {}
}

describe('constructor injection', () => {
  it('finds what the services need, and makes each once, after what it needs', async () => {
    const app = await launch({ services: [Transfers] });
    const transfers = app.get(Transfers);
    expect(transfers.accounts).to.be.instanceOf(Accounts).and.equal(app.get(Accounts));
    expect(transfers.mailer).to.equal(transfers.accounts.mailer);
    expect(app.registry.services.map(({ name }) => name)).to.deep.equal(['Mailer', 'Accounts', 'Transfers']);
  });

  it('injects values by token, by class, and the app itself', async () => {
    abstract class App {
      abstract readonly name: string;
    }
    class Stripe {
      constructor(readonly key: string) {}
    }
    @Service()
    class Payments {
      constructor(
        readonly app: App,
        @Inject(KEY) readonly key: string,
        readonly stripe: Stripe,
      ) {}
    }
    const stripe = new Stripe('sk');
    const value = { name: 'me' };
    const app = await launch(
      {
        services: [Payments],
        provide: [
          [KEY, 'secret'],
          [Stripe, stripe],
        ],
        app: { type: App },
      },
      value,
    );
    const payments = app.get(Payments);
    expect([payments.app, payments.key, payments.stripe]).to.deep.equal([value, 'secret', stripe]);
    expect(app.get(App)).to.equal(value);
    expect(app.registry.resolve(KEY)).to.equal('secret');
    expect(app.registry.resolve(token('api key'))).to.equal(undefined);
  });

  it('leaves a parameter with a default to its default, and a rest parameter empty', async () => {
    @Service()
    class Users {
      constructor(
        readonly mailer: Mailer,
        readonly table: string = 'users',
      ) {}
    }
    class Plain {
      constructor(readonly url = 'http://localhost') {}
    }
    @Service()
    class Rest {
      readonly rest: number;
      constructor(
        readonly mailer: Mailer,
        ...rest: string[]
      ) {
        this.rest = rest.length;
      }
    }
    const app = await launch({ services: [Users, Plain, Rest] });
    expect([app.get(Users).table, app.get(Plain).url, app.get(Rest).rest]).to.deep.equal(['users', 'http://localhost', 0]);
  });

  it('uses an inherited constructor, also through one that only hands on', async () => {
    class Audited extends Transfers {}
    class Mixed extends Accounts {
      readonly extra = 1;
      constructor(...args: ConstructorParameters<typeof Accounts>) {
        super(...args);
      }
    }
    const app = await launch({ services: [Audited, Mixed] });
    expect(app.get(Audited).accounts.mailer).to.be.instanceOf(Mailer);
    expect(app.get(Mixed).mailer).to.be.instanceOf(Mailer);
  });

  it('takes a class of its own constructor without parameters as it is, whatever its parent needs', async () => {
    class Special extends Accounts {
      constructor() {
        super(new Mailer());
      }
    }
    const app = await launch({ services: [Special] });
    expect(app.registry.services.map(({ name }) => name)).to.deep.equal(['Special']);
  });

  it('manages a provided instance with decorated methods, and lets go of it at the end', async () => {
    class Payments {
      constructor(readonly url: string) {}
      @Transaction()
      async pay(): Promise<string> {
        return this.url;
      }
    }
    @Service()
    class Shop {
      constructor(readonly payments: Payments) {}
    }
    const payments = new Payments('http://bank');
    const app = await launch({ services: [Shop], provide: [[Payments, payments]] });
    expect(await app.get(Shop).payments.pay()).to.equal('http://bank');
    expect(app.invoker.names).to.deep.equal(['Payments.pay']);
    expect(app.registry.functionOf(Payments, 'pay')?.service.instance).to.equal(payments);
    await app.registry.dispose();
    const second = await launch({ services: [Shop], provide: [[Payments, payments]] });
    expect(await payments.pay()).to.equal('http://bank');
    expect([app.invoker.calls.length, second.invoker.calls.length]).to.deep.equal([1, 1]);
  });
});

describe('an abstract class as a key', () => {
  abstract class Gateway {
    abstract pay(): Promise<string>;
  }
  class Stripe extends Gateway {
    @Workflow()
    override async pay(): Promise<string> {
      return 'stripe';
    }
  }
  class Paypal extends Gateway {
    @Workflow()
    override async pay(): Promise<string> {
      return 'paypal';
    }
  }
  @Service()
  class Billing {
    constructor(readonly gateway: Gateway) {}
    @Workflow()
    async bill(): Promise<string> {
      return this.gateway.pay();
    }
  }

  it('is met by the one listed class that extends it', async () => {
    const app = await launch({ services: [Billing, Stripe] });
    expect(await app.get(Billing).bill()).to.equal('stripe');
    expect(app.get(Gateway)).to.equal(app.get(Stripe));
    expect(app.registry.service(Gateway)?.name).to.equal('Stripe');
    expect(app.registry.functionOf(Gateway, 'pay')?.name).to.equal('Stripe.pay');
  });

  it('is ambiguous with two, until one is provided', async () => {
    const error = dependencyError({ services: [Billing, Stripe, Paypal] });
    expect(error).to.deep.include({ problem: 'ambiguous', path: ['Billing', 'Gateway'] });
    for (const text of ['Stripe', 'Paypal', 'provide', 'parameter 0 (gateway)']) expect(error.message).to.contain(text);
    const stripe = new Stripe();
    const app = await launch({ services: [Billing, Paypal], provide: [[Gateway, stripe]] });
    expect(await app.get(Billing).bill()).to.equal('stripe');
  });

  it('is missing when nothing extends it and its methods are called', () => {
    const error = dependencyError({ services: [Billing] });
    expect(error).to.deep.include({ problem: 'missing', path: ['Billing', 'Gateway'] });
    for (const text of ['Gateway has no method pay', 'Billing.bill', 'abstract', 'provide']) expect(error.message).to.contain(text);
  });

  it('is no such thing when the class makes its methods itself', async () => {
    class Made {
      declare pay: () => Promise<string>;
      constructor() {
        Object.assign(this, { pay: async () => 'made' });
      }
    }
    @Service()
    class Till {
      constructor(readonly made: Made) {}
      @Workflow()
      async bill(): Promise<string> {
        return this.made.pay();
      }
    }
    const app = await launch({ services: [Till] });
    expect(await app.get(Till).bill()).to.equal('made');
  });
});

describe('a dependency that cannot be met', () => {
  it('is missing: a token that nobody provides, with the path from the root', () => {
    @Service()
    class Inner {
      constructor(@Inject(KEY) readonly key: string) {}
    }
    @Service()
    class Outer {
      constructor(readonly inner: Inner) {}
    }
    const error = dependencyError({ services: [Outer] });
    expect(error).to.deep.include({ problem: 'missing', path: ['Outer', 'Inner', 'api key'] });
    for (const text of ['Inner, parameter 0 (key)', 'nothing provides api key', 'provide', 'Outer -> Inner -> api key']) expect(error.message).to.contain(text);
  });

  it('is untyped: an interface, a string, a built-in class', () => {
    @Service()
    class WithInterface {
      constructor(
        readonly mailer: Mailer,
        readonly clock: Clock,
      ) {}
    }
    @Service()
    class WithString {
      constructor(readonly url: string) {}
    }
    @Service()
    class WithMap {
      constructor(readonly cache: Map<string, string>) {}
    }
    for (const [type, parameter, emitted] of [
      [WithInterface, 'clock', 'Object'],
      [WithString, 'url', 'String'],
      [WithMap, 'cache', 'Map'],
    ] as const) {
      const error = dependencyError({ services: [type] });
      expect(error).to.deep.include({ problem: 'untyped', path: [type.name, parameter] });
      for (const text of [`(${parameter})`, `emitted as ${emitted}`, '@Inject(TOKEN)']) expect(error.message).to.contain(text);
    }
  });

  it('is circular, named by its path and remedy', () => {
    class A {
      constructor(readonly b: unknown) {}
    }
    @Service()
    class B {
      constructor(readonly a: A) {}
    }
    // The compiler cannot write this cycle down: the second class would not be there yet.
    Service()(A);
    Reflect.defineMetadata('design:paramtypes', [B], A);
    const error = dependencyError({ services: [B] });
    expect(error).to.deep.include({ problem: 'circular', path: ['B', 'A', 'B'] });
    for (const text of ['B -> A -> B', '@Inject(() => A)', 'Lazy<A>']) expect(error.message).to.contain(text);
  });

  it('is not emitted where the compiler wrote no types', () => {
    class Bare {
      constructor(readonly mailer: Mailer) {}
    }
    Service()(Bare);
    const error = dependencyError({ services: [Bare] });
    expect(error).to.deep.include({ problem: 'not emitted', path: ['Bare'] });
    for (const text of ['emitDecoratorMetadata', 'esbuild', 'vitest']) expect(error.message).to.contain(text);
  });

  it('is missing where an import cycle left undefined', () => {
    @Service()
    class Late {
      constructor(readonly mailer: Mailer) {}
    }
    Reflect.defineMetadata('design:paramtypes', [undefined], Late);
    const error = dependencyError({ services: [Late] });
    expect(error).to.deep.include({ problem: 'missing', path: ['Late', 'mailer'] });
    expect(error.message).to.contain('Lazy<Class>');
  });

  it('is ambiguous if listed and provided', () => {
    const error = dependencyError({ services: [Accounts, Mailer], provide: [[Mailer, new Mailer()]] });
    expect(error).to.deep.include({ problem: 'ambiguous', path: ['Accounts', 'Mailer'] });
  });
});

describe('a malformed provide', () => {
  const cases: readonly (readonly [string, unknown, string])[] = [
    ['no pair', [KEY], 'provide.0'],
    ['no key', ['x', 1], 'provide.0'],
    ['undefined as value', [KEY, undefined], 'gives undefined for api key'],
  ];
  for (const [name, pair, text] of cases) {
    it(`is CONFIG: ${name}`, async () => {
      const error = await launch({ services: [Mailer], provide: [pair] as never }).catch((caught: unknown) => caught);
      expect(error).to.include({ code: 'CONFIG' });
      expect((error as Error).message).to.contain(text);
    });
  }
  it('is CONFIG: one key twice', async () => {
    const error = await launch({
      services: [Mailer],
      provide: [
        [KEY, 'a'],
        [KEY, 'b'],
      ],
    }).catch((caught: unknown) => caught);
    expect((error as Error).message).to.contain('provide.1: gives api key a second time');
  });
});
