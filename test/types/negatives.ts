/** What must not compile. Each case is a mistake that a user makes; the message that the compiler gives is noted where it is ours. */
import {
  Apiary,
  ApiaryError,
  Communicator,
  Inject,
  Procedure,
  Serializable,
  Service,
  Transaction,
  Valid,
  Workflow,
  db,
  handleOf,
  isApiaryError,
  sleep,
  sql,
  start,
  token,
  type Config,
  type Lazy,
} from '@apiary/core';
import type { Knex } from 'knex';
import { Accounts, Mailer, Transfers } from './samples/transfer.js';

declare const app: Apiary;

// prettier-ignore
class Shape {
  // @ts-expect-error '@Workflow needs an async method'
  @Workflow() sync(): number { return 1; }
  // @ts-expect-error '@Transaction needs an async method'
  @Transaction() void(): void {}
  // @ts-expect-error '@Communicator needs an async method'
  @Communicator() async *generator(): AsyncGenerator<number> { yield 1; }
  // @ts-expect-error '@Transaction needs an async method; a sync method that returns sql is a @Procedure'
  @Transaction() statement() { return sql`select 1`; }
  // @ts-expect-error '@Procedure needs a sync method that returns sql`...` or sql.batch(...)'
  @Procedure() async asyncProcedure() { return sql`select 1`; }
  // @ts-expect-error '@Procedure needs a sync method that returns sql`...` or sql.batch(...)'
  @Procedure() list() { return [sql`select 1`, sql`select 2`]; }
  // @ts-expect-error 'PostgreSQL records the rows of a @Procedure as JSON: select dates, bigints and bytes as text'
  @Procedure() date(id: string) { return sql<{ id: string; at: Date }>`select id, at from a where id = ${id}`; }
  // @ts-expect-error 'PostgreSQL records the rows of a @Procedure as JSON: select dates, bigints and bytes as text'
  @Procedure() big(id: string) { return sql<{ n: bigint }>`select n from a where id = ${id}`.one(); }
  // @ts-expect-error 'arguments of a @Transaction are recorded: pass data, not a function, class, connection, stream or Response'
  @Transaction() async withConnection(trx: Knex.Transaction, id: string): Promise<void> { await trx('a').where({ id }); }
  // @ts-expect-error 'arguments of a @Workflow are recorded: pass data, not a function, class, connection, stream or Response'
  @Workflow() async callback(onDone?: () => void): Promise<void> { onDone?.(); }
  // @ts-expect-error 'arguments of a @Workflow are recorded: pass data, not a function, class, connection, stream or Response'
  @Workflow() async classArgument(type: typeof Accounts): Promise<string> { return type.name; }
  // @ts-expect-error 'arguments of a @Communicator are recorded: pass data, not a function, class, connection, stream or Response'
  @Communicator() async streamArgument(body: ReadableStream): Promise<void> { await body.cancel(); }
  // @ts-expect-error 'the result of a @Communicator is recorded: return data, not a function, class, stream, handle or Response'
  @Communicator() async response(url: string) { return fetch(url); }
  // @ts-expect-error 'the result of a @Workflow is recorded: return data, not a function, class, stream, handle or Response'
  @Workflow() async handle() { return start(Transfers).transfer({ from: '', to: '', amount: 1 }); }
  // @ts-expect-error decorated properties are not methods
  @Workflow() arrow = async () => 1;
  // @ts-expect-error nor are getters
  @Workflow() get getter() { return 1; }
  // @ts-expect-error histories need a name
  @Workflow() async [Symbol.iterator](): Promise<void> {}
  // @ts-expect-error a decorator factory is called
  @Transaction async uncalled(): Promise<void> {}
  // @ts-expect-error unknown isolation
  @Transaction({ isolation: 'snapshot' }) async isolation(): Promise<void> {}
  // @ts-expect-error no such option
  @Communicator({ retries: 3 }) async option(): Promise<void> {}
  // @ts-expect-error no such unit
  @Communicator({ timeout: '3 fortnights' }) async unit(): Promise<void> {}
  // @ts-expect-error a procedure has no time-out: PostgreSQL does it all
  @Procedure({ timeout: '1 second' }) timed() { return sql`select 1`; }
}

const KEY = token<string>('key');
@Service()
class Injected {
  constructor(
    // @ts-expect-error 'the parameter has another type'
    @Inject(() => Accounts) readonly a: Lazy<Mailer>,
    // @ts-expect-error 'the parameter has another type'
    @Inject(KEY) readonly b: number,
    @Inject(KEY) readonly c: string,
  ) {}
  // @ts-expect-error constructor parameters only
  async method(@Inject(KEY) c: string): Promise<string> {
    return c;
  }
  // @ts-expect-error 'the parameter is of another class'
  @Workflow() async valid(@Valid(() => Mailer) lines: string[]): Promise<number> {
    return lines.length;
  }
  private async hidden(): Promise<void> {
    await this.hidden();
  }
}
abstract class Abstract {}
class Other {
  private readonly x = 1;
  y = this.x;
}

// @ts-expect-error the codec must give back what it took
@Serializable('money', { encode: (m: Money) => m.cents, decode: (cents: string) => new Money(Number(cents)) })
class Money {
  constructor(readonly cents: number) {}
}

export async function calls() {
  // @ts-expect-error wrong argument type
  await app.start(Transfers).transfer({ from: 'a', to: 'b', amount: '5' });
  // @ts-expect-error missing argument
  await app.start(Transfers).transfer();
  // @ts-expect-error no such method
  await app.start(Transfers).transfers({ from: 'a', to: 'b', amount: 5 });
  // @ts-expect-error a sync method cannot be started
  await app.start(Other).y();
  // @ts-expect-error private methods are not for callers outside
  await app.start(Injected).hidden();
  // @ts-expect-error a handle is not the result
  const left: number = await app.start(Transfers).transfer({ from: 'a', to: 'b', amount: 5 });
  // @ts-expect-error unknown option
  await app.start(Transfers, { workflowID: 'x' }).transfer({ from: 'a', to: 'b', amount: 5 });
  // @ts-expect-error an instance is no key
  await app.start(new Accounts()).debit('a', 1);
  // @ts-expect-error wrong argument of a child
  await start(Transfers).transfer(5);
  // @ts-expect-error a Date is not what the workflow returns
  const date: Date = await app.handle<number>('x').result();
  // @ts-expect-error R is yours to know, and unknown until you say it
  const unsaid: number = await handleOf('x').result();
  // @ts-expect-error no such status
  await app.list({ status: 'RUNNING' });
  // @ts-expect-error a result is no promise of a handle
  await app.get(Transfers).transfer({ from: 'a', to: 'b', amount: 5 }).result();
  // @ts-expect-error a string names no service
  app.get('Transfers');
  return [left, date, unsaid];
}

export async function configuration() {
  // @ts-expect-error services is required
  await Apiary.launch({});
  // @ts-expect-error an abstract class cannot be constructed
  await Apiary.launch({ services: [Abstract] });
  // @ts-expect-error an instance is not a class
  await Apiary.launch({ services: [new Accounts()] });
  // @ts-expect-error the value does not fit its key
  await Apiary.launch({ services: [Transfers], provide: [[Other, new Accounts()]] });
  // @ts-expect-error nor here
  await Apiary.launch({ services: [Transfers], provide: [[KEY, 42]] });
  // @ts-expect-error unknown option
  await Apiary.launch({ services: [Transfers], databaseUrl: 'postgres://' });
  // @ts-expect-error no such unit
  await Apiary.launch({ services: [Transfers], lease: '10 s' });
  // @ts-expect-error only launch makes an app
  new Apiary();
  // @ts-expect-error the engine's own part of an app is not for users
  app.running;
  // @ts-expect-error errors come from the catalogue, not from users
  new ApiaryError('DEAD', { recoveries: 1 }, {});
  const config: Config = {
    services: [Transfers],
    provide: [
      [KEY, 'x'],
      [Other, new Other()],
    ],
    database: undefined,
  };
  await Apiary.launch(config);
}

export async function inside() {
  // @ts-expect-error no such unit
  await sleep('3 fortnights');
  // @ts-expect-error undefined is no SQL value
  await sql`select ${undefined}`;
  // @ts-expect-error statements, not lists of them
  await sql.batch([sql`select 1`, sql`select 2`]);
  // @ts-expect-error Apiary commits
  await db.commit();
  // @ts-expect-error throw to roll back
  await db.rollback();
  // @ts-expect-error no row is certain: .one() or a check
  (await sql<{ n: number }>`select 1 as n`)[0].n;
  // @ts-expect-error no such code
  isApiaryError(new Error(), 'NO_SUCH_CODE');
}

export async function selections(id: string | undefined) {
  // @ts-expect-error an id that may be missing would cancel everything
  await app.cancel({ workflowId: id });
  // @ts-expect-error paging has no meaning here
  await app.cancel({ status: 'PENDING', limit: 10 });
  // @ts-expect-error false is not all
  await app.resume({ all: false });
  await app.list({ workflowId: id });
}
export { Shape, Injected, Money };
