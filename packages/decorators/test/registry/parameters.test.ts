import { Procedure, Transaction, Valid, Workflow } from '@apiary/decorators';
import { inspect } from '@apiary/decorators/internal';
import { expect } from 'chai';
import { IsInt, IsString, ValidateNested } from 'class-validator';
import { expectProblem } from '../support/app.js';
import { sql } from '../support/sql.js';

class Line {
  @IsString() sku!: string;
}
class GiftLine extends Line {}
class Order {
  @ValidateNested({ each: true }) lines!: Line[];
  @IsInt() version!: number;
}
class Plain {
  sku = '';
}

function rulesOf(type: new () => object): Record<string, unknown> {
  const { functions } = inspect({ services: [type] });
  return Object.fromEntries(
    [...functions.values()].map(({ metadata, parameters }) => [
      metadata.method,
      parameters.map(({ index, name, type: rule, array }) => [index, name, rule.name, array]),
    ]),
  );
}

describe('the rules of parameters', () => {
  it('come from the emitted class, inherited rules included, and from @Valid', () => {
    class Orders {
      @Workflow()
      async place(_customer: string, order: Order, gift?: GiftLine): Promise<number> {
        return order.version + (gift === undefined ? 0 : 1);
      }
      @Transaction()
      async take(_id: string, @Valid(() => Line) lines: Line[], @Valid(() => GiftLine) gift: GiftLine | null = null): Promise<number> {
        return lines.length + (gift === null ? 0 : 1);
      }
      @Transaction()
      async plain(_id: string, _plain: Plain, _lines: Line[], _when: Date): Promise<void> {}
      @Procedure()
      mark({ version }: Order) {
        return sql`select ${version}`;
      }
    }
    expect(rulesOf(Orders)).to.deep.equal({
      place: [
        [1, 'order', 'Order', false],
        [2, 'gift', 'GiftLine', false],
      ],
      take: [
        [1, 'lines', 'Line', true],
        [2, 'gift', 'GiftLine', false],
      ],
      plain: [],
      mark: [[0, 'args.0', 'Order', false]],
    });
  });

  it('belong to inherited and static functions too', () => {
    class Base {
      @Workflow()
      async inherited(order: Order): Promise<number> {
        return order.version;
      }
      @Workflow()
      static async kin(order: Order): Promise<number> {
        return order.version;
      }
    }
    class Heir extends Base {}
    expect(rulesOf(Heir)).to.deep.equal({ inherited: [[0, 'order', 'Order', false]], kin: [[0, 'order', 'Order', false]] });
  });

  it('cannot hold for a rest parameter: launch says so', () => {
    class Orders {
      @Workflow()
      async place(...lines: Line[]): Promise<number> {
        return lines.length;
      }
    }
    expectProblem([Orders], 'Orders.place', 'rest parameter lines', 'Take an array');
  });

  it('cannot come from a @Valid that names a class without any, or nothing', () => {
    class Orders {
      @Workflow()
      async place(@Valid(() => Plain) lines: Plain[]): Promise<number> {
        return lines.length;
      }
    }
    expectProblem([Orders], 'Orders.place', 'lines names Plain, which carries no class-validator rules');
    class Late {
      @Workflow()
      async place(@Valid<Plain>(() => undefined as never) lines: Plain[]): Promise<number> {
        return lines.length;
      }
    }
    expectProblem([Late], 'Late.place', 'gives undefined, not a class');
  });
});
