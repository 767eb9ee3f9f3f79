/** Compile-time only: equalities of types that inference must give. */
import type { AsyncKeys, ConcreteType, Duration, ErrorCode, Graph, MethodOf, Query, Rows, Token, Type } from '@apiary/decorators';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(..._: Same<A, B> extends true ? [] : [{ expected: B; found: A }]): void {}

declare const rows: Rows<{ n: number }>;
class Shapes {
  readonly field = 1;
  async none(): Promise<void> {}
  procedure(): Query<number> {
    return rows.count();
  }
  sync(): number {
    return 1;
  }
  protected async hidden(): Promise<void> {}
  static async kin(a: boolean): Promise<bigint> {
    return a ? 1n : 0n;
  }
}
abstract class Abstract {
  abstract run(): Promise<void>;
}

export async function vocabulary(): Promise<void> {
  same<AsyncKeys<Shapes>, 'none' | 'procedure'>();
  same<MethodOf<typeof Shapes>, 'none' | 'procedure' | 'kin'>();
  same<MethodOf<typeof Abstract>, 'run'>();
  const all = await rows;
  same<typeof all, { n: number }[]>();
  const one = await rows.one();
  same<typeof one, { n: number }>();
  const maybe = await rows.maybe();
  same<typeof maybe, { n: number } | undefined>();
  const count = await rows.count();
  same<typeof count, number>();
  same<'VALIDATION' extends ErrorCode ? true : false, true>();
  same<Graph['edges'][number]['kind'], 'calls' | 'needs'>();
  const durations: Duration[] = [5, '3 days', '1.5 hours'];
  const keys: (Type | Token<string>)[] = [Shapes, Abstract];
  // @ts-expect-error an abstract class cannot be constructed
  const concrete: ConcreteType = Abstract;
  // @ts-expect-error an instance is no class
  const type: Type = new Shapes();
  // @ts-expect-error tokens of different types are different
  const token: Token<string> = {} as Token<number>;
  // @ts-expect-error the check itself can fail
  same<1, 2>();
  void [durations, keys, concrete, type, token];
}
