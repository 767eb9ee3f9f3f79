import { Inject, Service, Transaction, Workflow, type Lazy } from '@apiary/decorators';
import { expect } from 'chai';
import { launch } from '../support/app.js';

@Service()
class Billing {
  #uses = 0;
  readonly #shop: Shop;
  constructor(@Inject(() => Shop) readonly shop: Lazy<Shop>) {
    this.#shop = shop;
  }
  @Workflow()
  async bill(): Promise<string> {
    this.#uses += 1;
    return `${this.#uses}: ${await this.shop.total()}`;
  }
  get hiddenShop(): Shop {
    return this.#shop;
  }
}
@Service()
class Shop {
  #total = 7;
  readonly title = 'shop';
  constructor(readonly billing: Billing) {}
  @Transaction()
  async total(): Promise<number> {
    return this.#total;
  }
  async plain(): Promise<number> {
    return this.#total;
  }
}

describe('a wanted cycle', () => {
  for (const services of [[Billing, Shop], [Shop, Billing], [Billing], [Shop]]) {
    it(`is closed by Lazy, whoever comes first: ${services.map(({ name }) => name).join()}`, async () => {
      const app = await launch({ services });
      expect(await app.get(Billing).bill()).to.equal('1: 7');
      expect(await app.get(Shop).billing.bill()).to.equal('2: 7');
      expect(app.invoker.names.filter((name) => name === 'Shop.total')).to.have.length(2);
    });
  }

  it('leaves the service itself in the field, not a stand-in', async () => {
    const app = await launch({ services: [Billing] });
    expect(app.get(Billing).shop).to.equal(app.get(Shop));
  });

  it('forwards through the stand-in where the field cannot be reached', async () => {
    const app = await launch({ services: [Billing] });
    const stand = app.get(Billing).hiddenShop;
    expect(stand).to.not.equal(app.get(Shop));
    expect(stand).to.be.instanceOf(Shop);
    expect(await stand.total()).to.equal(7);
    expect(await stand.plain()).to.equal(7);
    expect(stand.title).to.equal('shop');
    expect(Object.keys(stand)).to.include('title');
    expect('title' in stand).to.equal(true);
    expect(stand.constructor).to.equal(Shop);
    expect(stand.total).to.equal(stand.total);
    Object.assign(stand, { note: 'x' });
    expect(app.get(Shop)).to.include({ note: 'x' });
    expect(app.invoker.calls.at(-1)?.target).to.equal(app.get(Shop));
  });

  it('gives the service itself where Lazy closes no cycle', async () => {
    @Service()
    class Front {
      readonly #shop: Shop;
      constructor(@Inject(() => Shop) shop: Lazy<Shop>) {
        this.#shop = shop;
      }
      reveal(): Shop {
        return this.#shop;
      }
    }
    const app = await launch({ services: [Front] });
    expect(app.get(Front).reveal()).to.equal(app.get(Shop));
  });

  it('refuses the use of a stand-in while it stands for nothing', async () => {
    @Service()
    class Eager {
      readonly name: string;
      constructor(@Inject(() => Late) late: Lazy<Late>) {
        this.name = late.name;
      }
    }
    @Service()
    class Late {
      readonly name = 'late';
      constructor(readonly eager: Eager) {}
    }
    const error = await launch({ services: [Eager] }).catch((caught: unknown) => caught);
    expect(error).to.deep.include({ code: 'DEPENDENCY', details: { path: ['Late'], problem: 'circular' } });
    expect((error as Error).message).to.contain('use it in methods only');
  });
});
