import { Communicator, Procedure, Service, Transaction, Workflow } from '@apiary/decorators';
import { inspect } from '@apiary/decorators/internal';
import { expect } from 'chai';
import { expectProblem } from '../support/app.js';
import { sql, start } from '../support/sql.js';

class Flow {
  @Workflow()
  async run(): Promise<void> {}
}
class Mailer {
  @Communicator()
  async receipt(): Promise<void> {}
}
class Accounts {
  @Transaction()
  async debit(): Promise<void> {}
}
const wait = async (..._: unknown[]): Promise<void> => {};

describe('launch refuses', () => {
  it('a communicator in a transaction', () => {
    @Service()
    class Shop {
      constructor(readonly mailer: Mailer) {}
      @Transaction()
      async buy(): Promise<void> {
        await this.mailer.receipt();
      }
    }
    expectProblem([Shop], 'Shop.buy', 'is a @Transaction and calls Mailer.receipt, a @Communicator', 'from the workflow');
  });

  it('a workflow in a transaction, also by way of helpers', () => {
    @Service()
    class Shop {
      constructor(readonly flow: Flow) {}
      @Transaction()
      async buy(): Promise<void> {
        await this.first();
      }
      async first(): Promise<void> {
        await this.second();
      }
      async second(): Promise<void> {
        await this.flow.run();
      }
    }
    expectProblem([Shop], 'Shop.buy', 'calls Flow.run, a @Workflow, by way of first(), second()', 'Start it');
  });

  it('a communicator in a procedure', () => {
    @Service()
    class Shop {
      constructor(readonly mailer: Mailer) {}
      @Procedure()
      mark() {
        void this.mailer.receipt();
        return sql`select 1`;
      }
    }
    expectProblem([Shop], 'Shop.mark', 'is a @Procedure and calls Mailer.receipt');
  });

  for (const [kind, call] of [
    ['@Transaction', 'Accounts.debit'],
    ['@Communicator', 'Mailer.receipt'],
    ['@Workflow', 'Flow.run'],
  ] as const) {
    it(`a ${kind} in a communicator`, () => {
      @Service()
      class Gateway {
        constructor(
          readonly accounts: Accounts,
          readonly mailer: Mailer,
          readonly flow: Flow,
        ) {}
        @Communicator()
        async transaction(): Promise<void> {
          await this.accounts.debit();
        }
        @Communicator()
        async communicator(): Promise<void> {
          await this.mailer.receipt();
        }
        @Communicator()
        async workflow(): Promise<void> {
          await this.flow.run();
        }
      }
      const methods = { '@Transaction': 'transaction', '@Communicator': 'communicator', '@Workflow': 'workflow' } as const;
      for (const name of Object.values(methods)) if (name !== methods[kind]) Reflect.deleteProperty(Gateway.prototype, name);
      expectProblem([Gateway], `Gateway.${methods[kind]}`, `is a @Communicator and calls ${call}, a ${kind}`, 'before or after the communicator');
    });
  }

  it('a start in a communicator', () => {
    class Gateway {
      @Communicator()
      async pay(): Promise<void> {
        await start(Flow).run();
      }
    }
    expectProblem([Gateway, Flow], 'Gateway.pay', 'is a @Communicator and starts Flow.run');
  });
});

describe('launch allows', () => {
  it('a start in a transaction, a transaction in a transaction, a method that is only passed on, and everything in a workflow', () => {
    @Service()
    class Shop {
      constructor(
        readonly accounts: Accounts,
        readonly mailer: Mailer,
        readonly flow: Flow,
      ) {}
      @Transaction()
      async buy(): Promise<void> {
        await start(Flow).run();
        await this.accounts.debit();
        await wait(this.mailer.receipt);
      }
      @Communicator()
      async call(): Promise<void> {
        await wait(this.accounts.debit);
      }
      @Workflow()
      async all(): Promise<void> {
        await this.buy();
        await this.mailer.receipt();
        await this.flow.run();
        await start(Flow).run();
      }
    }
    const { graph } = inspect({ services: [Shop] });
    expect(graph.edges.filter(({ kind }) => kind === 'calls')).to.have.length(7);
  });
});
