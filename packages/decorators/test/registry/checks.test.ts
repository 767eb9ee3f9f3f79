import { Communicator, Procedure, Service, Transaction, Valid, Workflow } from '@apiary/decorators';
import { inspect, isApiaryError, type InspectOptions } from '@apiary/decorators/internal';
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expectProblem, launch, problemsOf } from '../support/app.js';

/** Decorates as JavaScript does it: no compiler looks, and no types are emitted. */
function decorate(decorator: unknown, target: object, key: string | symbol): void {
  const descriptor = Object.getOwnPropertyDescriptor(target, key);
  (decorator as (target: object, key: string | symbol, descriptor: PropertyDescriptor | undefined) => void)(target, key, descriptor);
  if (descriptor !== undefined) Object.defineProperty(target, key, descriptor);
}
function emit(target: object, key: string): void {
  Reflect.defineMetadata('design:paramtypes', [], target, key);
}

abstract class Repository {
  @Transaction()
  async save(): Promise<void> {}
}

describe('launch refuses', () => {
  it('an override without a decorator', () => {
    class Users extends Repository {
      override async save(): Promise<void> {}
    }
    expectProblem([Users], 'Users.save', 'overrides the @Transaction of Repository', 'Add @Transaction()');
  });

  it('a static override without a decorator', () => {
    class Ids {
      @Transaction()
      static async next(): Promise<void> {}
    }
    class Special extends Ids {
      static override async next(): Promise<void> {}
    }
    expectProblem([Special], 'Special.next', 'overrides the @Transaction of Ids');
  });

  it('a field that hides a decorated method', () => {
    class Users extends Repository {
      override save = async (): Promise<void> => {};
    }
    expectProblem([Users], 'Users.save', 'field that hides the @Transaction');
  });

  it('a static and an instance function of one name', () => {
    class Both {
      @Workflow()
      async run(): Promise<void> {}
      @Workflow()
      static async run(): Promise<void> {}
    }
    expectProblem([Both], 'Both.run', 'static and an instance function', 'Rename');
  });

  it('two classes of one name', () => {
    const first = class Twin {};
    const second = class Twin {};
    expectProblem([first, second], 'Twin', 'two classes', '@Service({ name })');
  });

  it('two functions of one stored name', () => {
    class Jobs {
      @Workflow({ name: 'go' })
      async one(): Promise<void> {}
      @Workflow()
      async go(): Promise<void> {}
    }
    expectProblem([Jobs], 'Jobs.go', 'one and go', 'another `name`');
  });

  it('a class without a name', () => {
    const [type] = [class {}];
    expectProblem([type], '(anonymous class)', 'no name', '@Service({ name })');
  });

  it('a constructor with parameters in a class without @Service', () => {
    class Bare {
      constructor(readonly other: Repository) {}
    }
    expectProblem([Bare], 'Bare.constructor', 'carries no @Service', 'Add @Service() to Bare');
  });

  it('decorated methods whose types the compiler did not emit', () => {
    class Bare {
      async run(_id: string): Promise<void> {}
    }
    decorate(Workflow(), Bare.prototype, 'run');
    expectProblem([Bare], 'Bare.run', 'emitted no parameter types', 'emitDecoratorMetadata', 'vitest');
  });

  it('a parameter that is reflected as Function', () => {
    class Typed {
      @Workflow()
      async run(_id: string): Promise<void> {}
    }
    Reflect.defineMetadata('design:paramtypes', [Function], Typed.prototype, 'run');
    expectProblem([Typed], 'Typed.run', '_id', 'emitted as Function', 'without `type`');
  });

  it('generators, and methods that cannot return a promise', () => {
    class Shapes {
      async *stream(): AsyncGenerator<number> {}
      *list(): Generator<number> {}
      nothing(): void {}
      nested(): void {
        [1].map((n) => {
          return n;
        });
      }
      async procedure(): Promise<number> {
        return 1;
      }
      forwards(): Promise<number> {
        return this.procedure();
      }
      throws(): Promise<number> {
        throw new Error('later');
      }
      async fine(): Promise<void> {}
    }
    for (const key of ['stream', 'list', 'nothing', 'nested', 'forwards', 'throws', 'fine']) decorate(Workflow(), Shapes.prototype, key);
    decorate(Procedure(), Shapes.prototype, 'procedure');
    for (const key of Object.getOwnPropertyNames(Shapes.prototype)) emit(Shapes.prototype, key);
    const found = problemsOf(Shapes).map(({ method, problem }) => [method, problem]);
    expect(found).to.deep.equal([
      ['Shapes.stream', '@Workflow stands at a generator'],
      ['Shapes.list', '@Workflow stands at a generator'],
      ['Shapes.nothing', '@Workflow stands at a method that is not async'],
      ['Shapes.nested', '@Workflow stands at a method that is not async'],
      ['Shapes.procedure', '@Procedure stands at an async method'],
    ]);
  });

  it('decorators at what is no method, symbols, and two decorators at one method', () => {
    const key = Symbol('key');
    class Places {
      field = 1;
      get getter(): number {
        return this.field;
      }
      async [key](): Promise<void> {}
      @Communicator()
      @Workflow()
      async twice(): Promise<void> {}
    }
    decorate(Workflow(), Places.prototype, 'field');
    decorate(Workflow(), Places.prototype, 'getter');
    decorate(Workflow(), Places.prototype, key);
    const found = problemsOf(Places).map(({ method, problem }) => `${method} ${problem}`);
    expect(found).to.have.members([
      'Places.twice carries @Workflow and @Communicator',
      'Places.field @Workflow stands at a property or accessor',
      'Places.getter @Workflow stands at a property or accessor',
      'Places.Symbol(key) stored histories need a name, and a symbol has none',
    ]);
  });

  it('super.method() outside the override, and in an override of another kind', () => {
    class Users extends Repository {
      @Transaction()
      override async save(): Promise<void> {
        await super.save();
      }
      @Workflow()
      async other(): Promise<void> {
        await [1].map(() => super.save())[0];
      }
    }
    expectProblem([Users], 'Users.other', 'super.save()', 'unrecorded', 'this.save()');
    class Flows extends Repository {
      @Workflow()
      override async save(): Promise<void> {
        await super.save();
      }
    }
    expectProblem([Flows], 'Flows.save', 'is a @Workflow and calls super.save(), a @Transaction');
  });

  it('@Valid on a method that nothing decorates', () => {
    class Lines {
      async place(@Valid(() => Repository) _lines: Repository[]): Promise<void> {}
    }
    expectProblem([Lines], 'Lines.place', '@Valid', 'no function decorator');
  });

  it('a provided instance beside one of its own, or of another app', async () => {
    class Payments {
      @Workflow()
      async pay(): Promise<void> {}
    }
    abstract class Key {}
    const payments = new Payments();
    const problems = (services: InspectOptions['services']): readonly string[] => {
      try {
        inspect({ services, provide: [[Key, payments]] });
      } catch (error) {
        if (isApiaryError(error, 'REGISTRATION')) return error.details.problems.map(({ problem }) => problem);
      }
      return [];
    };
    expect(problems([Payments])).to.deep.equal(['has a second instance, given by provide']);
    expect(problems([])).to.deep.equal([]);
    const app = await launch({ services: [], provide: [[Key, payments]] });
    expect(problems([])).to.deep.equal(['the instance given by provide belongs to another running app']);
    await app.registry.dispose();
    expect(problems([])).to.deep.equal([]);
  });

  it('everything at once, dependencies included', () => {
    @Service({ title: 'x' } as never)
    class Many {
      constructor(readonly url: string) {}
      @Transaction({ isolation: 'snapshot' as never })
      async one(): Promise<void> {}
      @Workflow()
      async two(): Promise<void> {}
      @Workflow()
      static async two(): Promise<void> {}
    }
    const found = problemsOf(Many);
    expect(found.map(({ method }) => method)).to.have.members(['Many', 'Many.one', 'Many.two', 'Many, parameter 0 (url)']);
  });

  it('two @Serializable classes of one name', () => {
    // In a process of its own: declarations stay for as long as the process.
    const fixture = fileURLToPath(new URL('../support/serializable-twins.js', import.meta.url));
    const problems = JSON.parse(execFileSync(process.execPath, [fixture], { encoding: 'utf8' })) as unknown;
    expect(problems).to.deep.equal([{ method: 'AlsoMoney', problem: '@Serializable("money") names two classes', remedy: 'Name one of them differently' }]);
  });
});
