/** Inheritance, abstract services as keys, static methods, a wanted cycle, class type parameters, provided values. */
import { Apiary, Communicator, Inject, Service, Transaction, Workflow, db, now, random, randomUUID, start, token, type Lazy } from '@apiary/core';

const API_KEY = token<string>('stripe key');

abstract class Gateway {
  abstract pay(cents: number): Promise<string>;
}
@Service()
class StripeGateway extends Gateway {
  constructor(@Inject(API_KEY) private readonly key: string) {
    super();
  }
  @Communicator()
  override async pay(cents: number): Promise<string> {
    return `${this.key}-${cents}`;
  }
}

abstract class Repository<T extends { id: string }> {
  constructor(protected readonly table: string) {}
  @Transaction()
  async save(row: T): Promise<T> {
    await db(this.table).insert(row).onConflict('id').merge();
    return row;
  }
  @Transaction({ readOnly: true })
  async find(id: string): Promise<T | undefined> {
    return db(this.table).where({ id }).first();
  }
}
interface User {
  id: string;
  name: string;
}
@Service()
class Users extends Repository<User> {
  constructor() {
    super('users');
  }
}

class Ids {
  @Transaction({ isolation: 'read committed' })
  static async next(kind: string): Promise<number> {
    const [row] = await db('counter').where({ kind }).increment('value', 1).returning('value');
    return row.value;
  }
}

@Service()
class Billing {
  constructor(
    @Inject(() => Shop) private readonly shop: Lazy<Shop>,
    private readonly gateway: Gateway,
  ) {}
  @Workflow()
  async bill(user: string): Promise<string> {
    return this.gateway.pay(await this.shop.total(user));
  }
}
@Service()
class Shop {
  constructor(
    private readonly billing: Billing,
    private readonly users: Users,
  ) {}
  @Transaction({ readOnly: true })
  async total(user: string): Promise<number> {
    return (await db('orders').where({ customer: user }).select('cents')).reduce((sum, row) => sum + row.cents, 0);
  }
  @Workflow()
  async close(user: User): Promise<{ number: number; receipt: string; lottery: boolean; at: Date }> {
    const saved = await this.users.save({ ...user, name: user.name.trim() });
    const [number, child] = await Promise.all([Ids.next('invoice'), start(Billing, { workflowId: `bill-${randomUUID()}` }).bill(saved.id)]);
    return { number, receipt: await child.result(), lottery: random() < 0.1, at: now() };
  }
}

const app = await Apiary.launch({ services: [Shop, StripeGateway, Ids], provide: [[API_KEY, 'sk_test']] });
await app.start(Ids).next('invoice').result();
const user = await app.get(Users).find('u-1');
if (user) await app.get(Shop).close(user);
console.log(app.graph().toMermaid());
