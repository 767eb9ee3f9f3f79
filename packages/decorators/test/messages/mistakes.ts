/** Must not compile: each line after a `says:` comment, and with these words. Compiled by the test beside it, never run. */
import { Communicator, Inject, Procedure, Transaction, Valid, Workflow, token, type Query, type Rows } from '@apiary/decorators';

declare function sql<T extends object = Record<string, unknown>>(text: TemplateStringsArray, ...values: unknown[]): Rows<T>;
declare function start(): Promise<{ result(): Promise<number> }>;
interface Connection {
  <T>(table: T): Promise<T>;
}
const KEY = token<string>('key');

export class Shape {
  // says: @Workflow needs an async method
  @Workflow() sync(): number {
    return 1;
  }
  // says: @Transaction needs an async method
  @Transaction() nothing(): void {}
  // says: @Communicator needs an async method
  @Communicator() async *generator(): AsyncGenerator<number> {
    yield 1;
  }
  // says: @Transaction needs an async method; a sync method that returns sql is a @Procedure
  @Transaction() statement() {
    return sql`select 1`;
  }
  // says: @Procedure needs a sync method that returns sql`...` or sql.batch(...)
  @Procedure() async asyncProcedure() {
    return sql`select 1`;
  }
  // says: @Procedure needs a sync method that returns sql`...` or sql.batch(...)
  @Procedure() list() {
    return [sql`select 1`, sql`select 2`];
  }
  // says: PostgreSQL records the rows of a @Procedure as JSON: select dates, bigints and bytes as text
  @Procedure() date(id: string) {
    return sql<{ id: string; at: Date }>`select id, at from a where id = ${id}`;
  }
  // says: PostgreSQL records the rows of a @Procedure as JSON: select dates, bigints and bytes as text
  @Procedure() big(id: string): Query<{ n: bigint }> {
    return sql<{ n: bigint }>`select n from a where id = ${id}`.one();
  }
  // says: arguments of a @Transaction are recorded: pass data, not a function, class, connection, stream or Response
  @Transaction() async withConnection(trx: Connection, id: string): Promise<void> {
    await trx(id);
  }
  // says: arguments of a @Workflow are recorded: pass data, not a function, class, connection, stream or Response
  @Workflow() async callback(onDone?: () => void): Promise<void> {
    onDone?.();
  }
  // says: arguments of a @Workflow are recorded: pass data, not a function, class, connection, stream or Response
  @Workflow() async classArgument(type: typeof Shape): Promise<string> {
    return type.name;
  }
  // says: arguments of a @Communicator are recorded: pass data, not a function, class, connection, stream or Response
  @Communicator() async streamArgument(body: ReadableStream): Promise<void> {
    await body.cancel();
  }
  // says: the result of a @Communicator is recorded: return data, not a function, class, stream, handle or Response
  @Communicator() async response(url: string) {
    return fetch(url);
  }
  // says: the result of a @Workflow is recorded: return data, not a function, class, stream, handle or Response
  @Workflow() async handle() {
    return start();
  }
  // says: the parameter is of another class
  @Workflow() async valid(@Valid(() => Shape) lines: string[]): Promise<number> {
    return lines.length;
  }
}

export class Injected {
  constructor(
    // says: the parameter has another type
    @Inject(() => Shape) readonly a: Date,
    // says: the parameter has another type
    @Inject(KEY) readonly b: number,
    @Inject(KEY) readonly c: string,
  ) {}
}
