import { Communicator, Inject, Procedure, Service, Transaction, Workflow, type Lazy } from '@apiary/decorators';
import { inspect, type InspectOptions } from '@apiary/decorators/internal';
import { expect } from 'chai';
import { sql, start, type Start } from '../support/sql.js';

abstract class App {
  abstract start: Start;
  abstract get<T>(type: abstract new (...args: never[]) => T): T;
}
class Ids {
  @Transaction()
  static async next(): Promise<number> {
    return 1;
  }
}
class Accounts {
  @Transaction()
  async debit(amount: number): Promise<number> {
    return amount;
  }
  @Transaction()
  async credit(amount: number): Promise<number> {
    return this.debit(-amount);
  }
  @Procedure()
  mark() {
    return sql`select 1`;
  }
}
class Mailer {
  @Communicator()
  async receipt(_to?: string): Promise<void> {}
}

/** What each function calls, without the service of the caller. */
function callsOf(services: InspectOptions['services'], caller: string): string[] {
  const { graph } = inspect({ services, app: { type: App } });
  return graph.edges.filter(({ from, kind }) => kind === 'calls' && from === caller).map(({ to }) => to);
}

describe('the graph finds a call', () => {
  it('through a parameter property, of the same class, and of a static method', () => {
    @Service()
    class Transfers {
      constructor(
        private readonly accounts: Accounts,
        protected mailer: Mailer,
      ) {}
      @Workflow()
      async transfer(): Promise<number> {
        await this.other();
        await this.mailer.receipt('a');
        await this.accounts?.mark();
        return this['accounts']['debit'](1);
      }
      @Workflow()
      async other(): Promise<number> {
        return Ids.next();
      }
    }
    expect(callsOf([Transfers, Ids], 'Transfers.transfer')).to.deep.equal(['Accounts.debit', 'Accounts.mark', 'Mailer.receipt', 'Transfers.other']);
    expect(callsOf([Transfers, Ids], 'Transfers.other')).to.deep.equal(['Ids.next']);
    expect(callsOf([Transfers, Ids], 'Accounts.credit')).to.deep.equal(['Accounts.debit']);
  });

  it('through private fields, other names, fields set from fields, and a constructor of the parent', () => {
    @Service()
    class Base {
      readonly ledger: Accounts;
      constructor(accounts: Accounts) {
        this.ledger = accounts;
      }
    }
    @Service()
    class Heir extends Base {
      readonly #post: Mailer;
      readonly both;
      constructor(mailer: Mailer, books: Accounts) {
        super(books);
        const alias = mailer;
        this.#post = alias;
        this.both = this.ledger;
      }
      @Workflow()
      async run(): Promise<void> {
        await this.#post.receipt();
        await this.ledger.debit(1);
        await this.both.credit(1);
      }
    }
    expect(callsOf([Heir], 'Heir.run')).to.deep.equal(['Accounts.credit', 'Accounts.debit', 'Mailer.receipt']);
    class HandsOn extends Heir {
      constructor(...args: ConstructorParameters<typeof Heir>) {
        super(...args);
      }
    }
    expect(callsOf([HandsOn], 'HandsOn.run')).to.deep.equal(['Accounts.credit', 'Accounts.debit', 'Mailer.receipt']);
  });

  it('through aliases, destructuring and bound methods', () => {
    @Service()
    class Aliases {
      constructor(
        readonly accounts: Accounts,
        readonly mailer: Mailer,
      ) {}
      @Workflow()
      async one(): Promise<void> {
        const { accounts, mailer: post } = this;
        await accounts.debit(1);
        await post.receipt();
      }
      @Workflow()
      async two(): Promise<void> {
        let chosen = this.accounts;
        const debit = chosen.debit.bind(chosen);
        await debit(1);
        await this.accounts.credit.call(this.accounts, 2);
      }
      @Workflow()
      async three(mailer = this.mailer): Promise<void> {
        // oxlint-disable-next-line no-this-alias -- what older code does
        const self = this;
        await (async function inner() {
          await self.accounts.debit(1);
        })();
        await mailer.receipt();
      }
      @Workflow()
      async shadowed(accounts: { debit(n: number): Promise<void> }, Ids: { next(): number }): Promise<void> {
        await accounts.debit(1);
        Ids.next();
      }
    }
    expect(callsOf([Aliases], 'Aliases.one')).to.deep.equal(['Accounts.debit', 'Mailer.receipt']);
    expect(callsOf([Aliases], 'Aliases.two')).to.deep.equal(['Accounts.credit', 'Accounts.debit']);
    expect(callsOf([Aliases], 'Aliases.three')).to.deep.equal(['Accounts.debit', 'Mailer.receipt']);
    expect(callsOf([Aliases, Ids], 'Aliases.shadowed')).to.deep.equal([]);
  });

  it('through every expression that can stand for a service', () => {
    @Service()
    class Expressions {
      constructor(
        readonly accounts: Accounts,
        readonly mailer: Mailer,
      ) {}
      @Workflow()
      async conditional(swap: boolean): Promise<void> {
        await (swap ? undefined : this.accounts)?.debit(1);
      }
      @Workflow()
      async logical(other?: Accounts): Promise<void> {
        await (other ?? this.accounts).debit(1);
      }
      @Workflow()
      async awaited(): Promise<void> {
        await (await this.accounts).debit(1);
      }
      @Workflow()
      async assigned(): Promise<void> {
        let accounts: Accounts;
        await (accounts = this.accounts).debit(1);
        await accounts.credit(1);
      }
      @Workflow()
      async optional(): Promise<void> {
        const found = this?.accounts;
        await found.debit(1);
      }
      @Workflow()
      async blocks(skip: boolean): Promise<void> {
        const { accounts } = this;
        if (skip) {
          const accounts = undefined;
          return accounts;
        }
        await accounts.debit(1);
      }
      @Workflow()
      async ofClass(): Promise<void> {
        await (this.constructor as typeof Expressions).kin();
      }
      @Transaction()
      static async kin(): Promise<void> {}
    }
    const one = ['conditional', 'logical', 'awaited', 'optional', 'blocks'];
    for (const name of one) expect(callsOf([Expressions], `Expressions.${name}`), name).to.deep.equal(['Accounts.debit']);
    expect(callsOf([Expressions], 'Expressions.assigned')).to.deep.equal(['Accounts.credit', 'Accounts.debit']);
    expect(callsOf([Expressions], 'Expressions.ofClass')).to.deep.equal(['Expressions.kin']);
  });

  it('in branches, callbacks, and methods that are passed on', () => {
    const parallel = async (..._: unknown[]): Promise<void> => {};
    @Service()
    class Branches {
      constructor(
        readonly accounts: Accounts,
        readonly mailer: Mailer,
      ) {}
      @Workflow()
      async run(items: string[]): Promise<void> {
        await parallel([
          () => this.accounts.debit(1),
          async () => {
            if (items.length > 1) await Ids.next();
          },
        ]);
        for (const item of items) {
          try {
            await this.accounts.credit(item.length);
          } catch {
            await parallel(items, this.mailer.receipt);
          }
        }
      }
    }
    expect(callsOf([Branches, Ids], 'Branches.run')).to.deep.equal(['Accounts.credit', 'Accounts.debit', 'Ids.next', 'Mailer.receipt']);
  });

  it('in plain helpers, whatever their form, and in what they are given', () => {
    @Service()
    class Helpers {
      constructor(readonly accounts: Accounts) {}
      @Workflow()
      async method(): Promise<void> {
        await this.helper();
      }
      @Workflow()
      async arrow(): Promise<void> {
        await this.field();
      }
      @Workflow()
      async hidden(): Promise<void> {
        await this.#secret();
      }
      @Workflow()
      async given(): Promise<void> {
        await this.spend(this.accounts);
      }
      @Workflow()
      async statics(): Promise<void> {
        await Helpers.kin();
      }
      @Workflow()
      async local(): Promise<void> {
        const step = async (): Promise<number> => this.accounts.debit(1);
        await step();
      }
      async helper(): Promise<void> {
        await this.deeper(3);
      }
      private async deeper(n: number): Promise<void> {
        if (n > 0) await this.deeper(n - 1);
        await this.accounts.debit(n);
      }
      readonly field = async (): Promise<void> => {
        await this.accounts.credit(1);
      };
      async #secret(): Promise<void> {
        await this.accounts.mark();
      }
      async spend(accounts: Accounts): Promise<void> {
        await accounts.debit(1);
      }
      static async kin(): Promise<number> {
        return Ids.next();
      }
    }
    const found = Object.fromEntries(
      ['method', 'arrow', 'hidden', 'given', 'statics', 'local'].map((name) => [name, callsOf([Helpers, Ids], `Helpers.${name}`).join()]),
    );
    expect(found).to.deep.equal({
      method: 'Accounts.debit',
      arrow: 'Accounts.credit',
      hidden: 'Accounts.mark',
      given: 'Accounts.debit',
      statics: 'Ids.next',
      local: 'Accounts.debit',
    });
  });

  it('in super.method() of an override, and of what is inherited', () => {
    class Base {
      constructor(readonly accounts: Accounts = new Accounts()) {}
      @Workflow()
      async run(): Promise<void> {
        await this.step();
      }
      @Transaction()
      async step(): Promise<void> {}
    }
    @Service()
    class Heir extends Base {
      constructor(accounts: Accounts) {
        super(accounts);
      }
      @Workflow()
      override async run(): Promise<void> {
        await super.run();
        await super.step();
        await this.accounts.debit(1);
      }
    }
    expect(callsOf([Heir], 'Heir.run')).to.deep.equal(['Accounts.debit', 'Heir.step']);
  });

  it('in start(Service).method(), ambient, of the app, and through aliases', () => {
    @Service()
    class Starts {
      constructor(readonly app: App) {}
      @Workflow()
      async ambient(): Promise<void> {
        await start(Flow).run();
      }
      @Workflow()
      async ofApp(): Promise<void> {
        const starter = this.app.start(Flow);
        await starter.run().result();
        await this.app.get(Flow).walk();
      }
      @Workflow()
      async namespaced(module: { start: Start; Flow: typeof Flow }): Promise<void> {
        await module.start(Flow).run();
      }
    }
    class Flow {
      @Workflow()
      async run(): Promise<void> {}
      @Workflow()
      async walk(): Promise<void> {}
    }
    expect(callsOf([Starts, Flow], 'Starts.ambient')).to.deep.equal(['Flow.run']);
    expect(callsOf([Starts, Flow], 'Starts.ofApp')).to.deep.equal(['Flow.run', 'Flow.walk']);
    expect(callsOf([Starts, Flow], 'Starts.namespaced')).to.deep.equal([]);
  });

  it('through Lazy, and in a decorated class that TypeScript renames inside itself', () => {
    @Service()
    class Selfish {
      constructor(@Inject(() => Partner) readonly partner: Lazy<Partner>) {}
      @Workflow()
      async run(): Promise<void> {
        await Selfish.kin();
        await this.partner.help();
      }
      @Transaction()
      static async kin(): Promise<void> {}
    }
    @Service()
    class Partner {
      constructor(readonly selfish: Selfish) {}
      @Transaction()
      async help(): Promise<void> {}
    }
    expect(callsOf([Selfish], 'Selfish.run')).to.deep.equal(['Partner.help', 'Selfish.kin']);
  });

  it('in code that an older target or a CommonJS build writes', () => {
    type Awaiter = (self: unknown, a: undefined, b: undefined, body: () => Generator<unknown>) => Promise<void>;
    const __awaiter: Awaiter = async () => {};
    const core_1 = { start };
    const flow_1 = { Flow: class {} as unknown as typeof Flow };
    @Service()
    class Old {
      constructor(readonly accounts: Accounts) {}
      @Workflow()
      lowered(): Promise<void> {
        return __awaiter(this, undefined, undefined, function* (this: Old) {
          yield this.accounts.debit(1);
          yield this.again();
        } as () => Generator<unknown>);
      }
      again(): Promise<void> {
        return __awaiter(this, undefined, undefined, function* (this: Old) {
          yield (0, core_1.start)(flow_1.Flow).run();
        } as () => Generator<unknown>);
      }
    }
    class Flow {
      @Workflow()
      async run(): Promise<void> {}
    }
    expect(callsOf([Old, Flow], 'Old.lowered')).to.deep.equal(['Accounts.debit', 'Flow.run']);
  });

  it('but guesses nothing where two classes have one name', () => {
    const other = (() => {
      @Service({ name: 'OtherIds' })
      class Ids {
        @Transaction()
        static async next(): Promise<void> {}
      }
      return Ids;
    })();
    class Caller {
      @Workflow()
      async run(): Promise<void> {
        await Ids.next();
      }
    }
    expect(callsOf([Caller, Ids, other], 'Caller.run')).to.deep.equal([]);
    expect(callsOf([Caller, Ids], 'Caller.run')).to.deep.equal(['Ids.next']);
  });

  it('and is not misled by text, comments, another `this`, or another method of the same name', () => {
    @Service()
    class Misleading {
      readonly other = { debit: (n: number): number => n };
      constructor(readonly accounts: Accounts) {}
      @Workflow()
      async run(): Promise<string> {
        // this.accounts.debit(1)
        this.other.debit(1);
        (function (this: { accounts: { debit(n: number): void } }) {
          this.accounts.debit(1);
        }).call({ accounts: { debit: () => undefined } });
        return 'this.accounts.credit(1)' + `${'await this.accounts.debit(2)'}` + String(/this\.accounts\.debit\(1\)/);
      }
    }
    expect(callsOf([Misleading], 'Misleading.run')).to.deep.equal([]);
  });
});
