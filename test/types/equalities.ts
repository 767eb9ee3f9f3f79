/** What the compiler must infer: each line is an equality of types. */
import {
  ApiaryError,
  isApiaryError,
  sql,
  start,
  type Apiary,
  type AsyncKeys,
  type ErrorCatalogue,
  type ErrorCode,
  type MethodOf,
  type ResultOf,
  type Selection,
  type Starter,
  type WorkflowHandle,
  type WorkflowInfo,
  type WorkflowStatus,
  type WorkflowSummary,
} from '@apiary/core';
import { Reports } from './samples/report.js';
import { Transfers } from './samples/transfer.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
export function same<A, B>(..._: Same<A, B> extends true ? [] : [{ expected: B; found: A }]): void {}

class Shapes {
  readonly field = 1;
  async none(): Promise<void> {}
  async optional(_a: string, _b?: number): Promise<Date> {
    return new Date();
  }
  async rest(..._words: string[]): Promise<number> {
    return 0;
  }
  async generic<T extends { id: string }>(row: T): Promise<T> {
    return row;
  }
  async overloaded(a: number): Promise<number>;
  async overloaded(a: string): Promise<string>;
  async overloaded(a: never): Promise<never> {
    return a;
  }
  procedure(id: string) {
    return sql<{ n: number }>`select ${id}`.one();
  }
  sync(): number {
    return 1;
  }
  protected async hidden(): Promise<void> {}
  static async kin(a: boolean): Promise<bigint> {
    return a ? 1n : 0n;
  }
}
declare const app: Apiary;

export async function starts() {
  same<keyof Starter<typeof Shapes>, 'none' | 'optional' | 'rest' | 'generic' | 'overloaded' | 'procedure' | 'kin'>();
  const handle = await app.start(Shapes).optional('a');
  same<typeof handle, WorkflowHandle<Date>>();
  same<Awaited<ReturnType<typeof handle.result>>, Date>();
  same<Parameters<Starter<typeof Shapes>['optional']>, [_a: string, _b?: number | undefined]>();
  same<Parameters<Starter<typeof Shapes>['rest']>, string[]>();
  same<Parameters<Starter<typeof Shapes>['overloaded']>, [a: string]>();
  const one = await app.start(Shapes).procedure('x').result();
  same<typeof one, { n: number }>();
  const kin = await app.start(Shapes).kin(true).result();
  same<typeof kin, bigint>();
  const generic = await app
    .start(Shapes)
    .generic({ id: 'a', more: 1 } as { id: string })
    .result();
  same<typeof generic, { id: string }>();
  same<ResultOf<Shapes, 'optional'>, Date>();
  same<ResultOf<Transfers, 'transfer'>, number>();
  same<AsyncKeys<Reports>, 'nightly' | 'weekly' | 'heartbeat'>();
  same<MethodOf<typeof Shapes>, 'none' | 'optional' | 'rest' | 'generic' | 'overloaded' | 'procedure' | 'kin'>();
  const child = await start(Shapes).none();
  same<typeof child, WorkflowHandle<void>>();
  const all = await Promise.all([app.get(Shapes).none(), app.get(Shapes).optional('a')]);
  same<typeof all, [void, Date]>();
}

export async function statements() {
  const rows = await sql<{ id: string }>`select id from a where id in (${sql.join(['a', 'b'])})`;
  same<typeof rows, { id: string }[]>();
  const untyped = await sql`select 1`;
  same<typeof untyped, Record<string, unknown>[]>();
  const maybe = await sql<{ id: string }>`select id from ${sql.id('public', 'a')}`.maybe();
  same<typeof maybe, { id: string } | undefined>();
  const last = await sql.batch(sql`delete from a`, sql<{ id: string }>`select id from a`, sql`update a set x = 1`.count());
  same<typeof last, number>();
}

export async function workflows() {
  const handle = app.handle<Date>('x');
  same<Awaited<ReturnType<typeof handle.status>>, WorkflowStatus>();
  const unknown = app.handle('x');
  same<typeof unknown, WorkflowHandle<unknown>>();
  const info: WorkflowInfo<Date> = await handle.info();
  if (info.status === 'SUCCESS') same<typeof info.output, Date>();
  if (info.status === 'ERROR') same<typeof info.error, Error>();
  const fork = await handle.fork({ from: '3' });
  same<typeof fork, WorkflowHandle<Date>>();
  const page = await app.list({ status: 'DEAD' });
  same<typeof page.next, string | undefined>();
  same<typeof page.items, readonly WorkflowSummary[]>();
  for await (const workflow of app.list()) same<typeof workflow, WorkflowSummary>();
  same<NonNullable<Selection['status']>, WorkflowStatus | readonly WorkflowStatus[]>();
}

export async function errors(error: unknown) {
  if (isApiaryError(error, 'CONFLICT', 'NOT_FOUND')) same<typeof error.code, 'CONFLICT' | 'NOT_FOUND'>();
  if (isApiaryError(error, 'CONFLICT')) same<typeof error.details.field, 'function' | 'input'>();
  if (isApiaryError(error, 'VALIDATION')) same<(typeof error.details.violations)[number]['path'], string>();
  if (isApiaryError(error)) {
    same<typeof error.code, ErrorCode>();
    if (error.code === 'WAIT_TIMEOUT') same<typeof error.details, { timeoutMs: number }>();
  }
  if (error instanceof ApiaryError) same<typeof error.httpStatus, number>();
  same<ErrorCatalogue['DEAD'], { recoveries: number }>();
}
