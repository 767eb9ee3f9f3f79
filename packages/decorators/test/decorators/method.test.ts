import { Communicator, Procedure, Transaction, Workflow } from '@apiary/decorators';
import { setAmbientInvoker, setUnmanaged } from '@apiary/decorators/internal';
import { expect } from 'chai';
import { launch, rejection, type TestApp } from '../support/app.js';
import { sql } from '../support/sql.js';

class Counter {
  #count = 0;
  @Transaction()
  async add(amount: number, _unit: string): Promise<number> {
    this.#count += amount;
    return this.#count;
  }
  @Transaction()
  private async hidden(): Promise<string> {
    return 'hidden';
  }
  @Workflow()
  async twice(amount: number): Promise<string> {
    await this.add(amount, 'kg');
    await this.add(amount, 'kg');
    return this.hidden();
  }
  @Procedure()
  read(id: string) {
    return sql<{ n: number }>`select ${id}`.one();
  }
}

describe('a decorated method', () => {
  it('goes to the invoker with its function, instance and arguments', async () => {
    const app = await launch({ services: [Counter] });
    expect(await app.get(Counter).add(2, 'kg')).to.equal(2);
    const [call] = app.invoker.calls;
    expect(call?.fn.name).to.equal('Counter.add');
    expect(call?.fn.kind).to.equal('transaction');
    expect(call?.target).to.equal(app.get(Counter));
    expect(call?.args).to.deep.equal([2, 'kg']);
  });

  it('reaches #private fields, private decorated methods and other functions of its instance', async () => {
    const app = await launch({ services: [Counter] });
    expect(await app.get(Counter).twice(2)).to.equal('hidden');
    expect(app.invoker.names).to.deep.equal(['Counter.twice', 'Counter.add', 'Counter.add', 'Counter.hidden']);
  });

  it('keeps name and length, and stays invisible to enumeration', async () => {
    const { add } = Counter.prototype;
    expect([add.name, add.length]).to.deep.equal(['add', 2]);
    const app = await launch({ services: [Counter] });
    expect(Object.keys(app.get(Counter))).to.deep.equal([]);
    expect(Reflect.ownKeys({ ...app.get(Counter) })).to.deep.equal([]);
    expect(Object.keys(Counter.prototype)).to.deep.equal([]);
  });

  it('works bound, and through an object that inherits from the instance', async () => {
    const app = await launch({ services: [Counter] });
    const counter = app.get(Counter);
    expect(counter).to.be.instanceOf(Counter);
    const bound = counter.add.bind(counter);
    expect(await bound(3, 'kg')).to.equal(3);
    const heir = Object.create(counter, { extra: { value: 1 } }) as Counter;
    await heir.read('x');
    expect(app.invoker.calls.at(-1)?.target).to.equal(heir);
  });

  it('works on a frozen instance', async () => {
    class Frozen {
      constructor() {
        Object.freeze(this);
      }
      @Workflow()
      async run(): Promise<number> {
        return 1;
      }
    }
    const app = await launch({ services: [Frozen] });
    expect(await app.get(Frozen).run()).to.equal(1);
    expect(app.invoker.names).to.deep.equal(['Frozen.run']);
  });

  it('rejects with NOT_LAUNCHED on an instance of no app, never throwing at the call', async () => {
    const loose = new Counter();
    const { add } = loose;
    for (const call of [() => loose.add(1, 'kg'), () => loose.read('x'), () => (add as (this: void, n: number, unit: string) => Promise<number>)(1, 'kg')]) {
      const error = await rejection(call);
      expect(error).to.include({ code: 'NOT_LAUNCHED' });
    }
    const error = await rejection(() => loose.add(1, 'kg'));
    expect(error).to.deep.include({ details: { method: 'Counter.add' } });
  });

  it('runs where a hook lifts NOT_LAUNCHED, and only as long as it does', async () => {
    setUnmanaged((metadata, target, args) => metadata.body.apply(target, args as never[]));
    try {
      expect(await new Counter().add(4, 'kg')).to.equal(4);
    } finally {
      setUnmanaged(undefined);
    }
    expect(await rejection(() => new Counter().add(4, 'kg'))).to.include({ code: 'NOT_LAUNCHED' });
  });

  it('belongs to the app of its instance when two apps use one class', async () => {
    const [one, two] = [await launch({ services: [Counter] }), await launch({ services: [Counter] })];
    await one.get(Counter).add(1, 'kg');
    expect(await two.get(Counter).add(5, 'kg')).to.equal(5);
    expect([one.invoker.calls.length, two.invoker.calls.length]).to.deep.equal([1, 1]);
    expect(one.invoker.calls[0]?.fn).to.not.equal(two.invoker.calls[0]?.fn);
  });
});

describe('decorators of others', () => {
  const seen: unknown[] = [];
  const Route =
    (path: string): MethodDecorator =>
    (target, key) =>
      Reflect.defineMetadata('route', path, target, key);
  const Roles =
    (...roles: string[]): MethodDecorator =>
    (_target, _key, descriptor) =>
      Reflect.defineMetadata('roles', roles, descriptor.value as object);
  const Traced = (): MethodDecorator => (_target, _key, descriptor: PropertyDescriptor) => {
    const original = descriptor.value as (...args: unknown[]) => unknown;
    descriptor.value = function (this: unknown, ...args: unknown[]) {
      seen.push(args);
      return original.apply(this, args);
    };
  };
  class Api {
    @Route('/above')
    @Roles('admin')
    @Workflow()
    async above(): Promise<number> {
      return 1;
    }
    @Workflow()
    @Route('/below')
    @Roles('user')
    async below(): Promise<number> {
      return 2;
    }
    @Traced()
    @Workflow()
    async outside(n: number): Promise<number> {
      return n;
    }
    @Workflow()
    @Traced()
    async inside(n: number): Promise<number> {
      return n;
    }
  }

  it('find their metadata above and below ours', () => {
    for (const [key, role] of [
      ['above', 'admin'],
      ['below', 'user'],
    ] as const) {
      expect(Reflect.getMetadata('route', Api.prototype, key)).to.equal(`/${key}`);
      expect(Reflect.getMetadata('roles', Api.prototype[key])).to.deep.equal([role]);
    }
  });

  it('may wrap our wrapper, or be wrapped by it', async () => {
    const app = await launch({ services: [Api] });
    expect(await app.get(Api).outside(1)).to.equal(1);
    expect(await app.get(Api).inside(2)).to.equal(2);
    expect(seen).to.deep.equal([[1], [2]]);
    expect(app.invoker.names).to.deep.equal(['Api.outside', 'Api.inside']);
  });
});

describe('inheritance', () => {
  abstract class Repository {
    @Transaction()
    async save(row: string): Promise<string> {
      return `${this.constructor.name} ${row}`;
    }
    @Communicator()
    async notify(text: string): Promise<string> {
      return `base ${text}`;
    }
  }
  class Users extends Repository {
    @Communicator()
    override async notify(text: string): Promise<string> {
      return `${await super.notify(text)} and user`;
    }
  }
  class Orders extends Repository {
    @Workflow()
    async place(): Promise<string> {
      return super.save('order');
    }
  }

  it('names inherited functions after the registered class', async () => {
    const app = await launch({ services: [Users, Orders] });
    expect([...app.registry.functions.keys()].sort()).to.deep.equal(['Orders.notify', 'Orders.place', 'Orders.save', 'Users.notify', 'Users.save']);
    expect(await app.get(Users).save('x')).to.equal('Users x');
    expect(app.invoker.names).to.deep.equal(['Users.save']);
  });

  it('runs super.method() of an overridden function as a part of the override', async () => {
    const app = await launch({ services: [Users] });
    expect(await app.get(Users).notify('hi')).to.equal('base hi and user');
    expect(app.invoker.names).to.deep.equal(['Users.notify']);
  });

  it('runs super.method() of a function that nothing overrides as that function', async () => {
    const app = await launch({ services: [Orders] });
    expect(await app.get(Orders).place()).to.equal('Orders order');
    expect(app.invoker.names).to.deep.equal(['Orders.place', 'Orders.save']);
  });

  it('rejects a method of a class that the app has nothing of', async () => {
    const app = await launch({ services: [Counter] });
    const borrowed = Repository.prototype.save.call(app.get(Counter) as unknown as Repository, 'x');
    expect(await rejection(() => borrowed)).to.include({ code: 'NOT_LAUNCHED' });
  });
});

describe('a static decorated method', () => {
  class Ids {
    @Transaction()
    static async next(kind: string): Promise<string> {
      return `${this?.name ?? 'nobody'} ${kind}`;
    }
  }
  class SpecialIds extends Ids {
    @Transaction()
    static override async next(kind: string): Promise<string> {
      return `special ${await super.next(kind)}`;
    }
  }
  let running: TestApp | undefined;
  before(() => setAmbientInvoker(() => running?.registry.ambient));
  after(() => setAmbientInvoker(() => undefined));
  beforeEach(() => {
    running = undefined;
  });

  it('rejects with NO_CONTEXT outside any app', async () => {
    expect(await rejection(() => Ids.next('invoice'))).to.deep.include({ code: 'NO_CONTEXT', details: { call: 'Ids.next()' } });
  });

  it('goes to the running app, with the class as its target, detached too', async () => {
    running = await launch({ services: [Ids] });
    expect(await Ids.next('invoice')).to.equal('Ids invoice');
    const { next } = Ids;
    expect(await (next as (this: void, kind: string) => Promise<string>)('order')).to.equal('Ids order');
    expect(running.invoker.calls.map(({ fn, target }) => [fn.name, target])).to.deep.equal([
      ['Ids.next', Ids],
      ['Ids.next', Ids],
    ]);
  });

  it('is the function of the registered class that it is called on', async () => {
    running = await launch({ services: [Ids, SpecialIds] });
    await Ids.next('a');
    expect(await SpecialIds.next('b')).to.equal('special SpecialIds b');
    class Local extends Ids {}
    await Local.next('c');
    expect(running.invoker.names).to.deep.equal(['Ids.next', 'SpecialIds.next', 'Ids.next']);
  });

  it('rejects with NOT_A_SERVICE in an app that does not have its class', async () => {
    running = await launch({ services: [Counter] });
    expect(await rejection(() => Ids.next('a'))).to.deep.include({ code: 'NOT_A_SERVICE', details: { service: 'Ids' } });
  });
});
