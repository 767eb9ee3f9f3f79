/** Stands for the runtime's `sql`: the types are what matters. */
import type { Query, Rows } from '@apiary/decorators';

interface TestSql {
  <T extends object = Record<string, unknown>>(text: TemplateStringsArray, ...values: unknown[]): Rows<T>;
  batch<L>(...statements: [...Query<unknown>[], Query<L>]): Query<L>;
}
const rows = (): unknown => Object.assign(Promise.resolve([]), { one: rows, maybe: rows, count: rows });
export const sql = Object.assign(rows, { batch: rows }) as unknown as TestSql;

interface TestHandle<R> {
  result(): Promise<R>;
}
/** Stands for the runtime's `start`. */
export declare type Start = <C extends abstract new (...args: never[]) => unknown>(
  type: C,
) => {
  [K in keyof InstanceType<C>]: InstanceType<C>[K] extends (...args: infer A) => Promise<infer R>
    ? (...args: A) => Promise<TestHandle<R>> & { result(): Promise<R> }
    : never;
};
/** Never runs: the graph reads the text of methods that name it. */
export const start = (() => {
  throw new Error('only the graph looks at this');
}) as unknown as Start;
